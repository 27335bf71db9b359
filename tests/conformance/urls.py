from factory.trpc.gateway import Gateway
from tests.conformance.procedures import registry

urlpatterns = [Gateway(registry).urls("api/trpc")]
