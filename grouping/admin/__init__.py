from grouping.admin.groups import GroupAdmin

__all__ = ["GroupAdmin"]
