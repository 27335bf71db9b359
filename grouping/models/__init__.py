from grouping.models.batches import BatchItem, BatchOperation
from grouping.models.groups import Group, GroupQuerySet, Membership

__all__ = ["BatchItem", "BatchOperation", "Group", "GroupQuerySet", "Membership"]
