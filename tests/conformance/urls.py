from factory.trpc.gateway import Gateway
from tests.conformance.procedures import registry

gateway = Gateway(registry)
urlpatterns = [gateway.urls("api/trpc")]
