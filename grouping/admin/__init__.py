from grouping.admin.batches import BatchAdmin
from grouping.admin.groups import GroupAdmin

__all__ = ["BatchAdmin", "GroupAdmin"]
