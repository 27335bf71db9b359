from analytics.admin.calendars import CalendarAdmin
from analytics.admin.energy import EnergyMeterAdmin, EnergyPriceAdmin
from analytics.admin.machines import LineAdmin, MachineProfileAdmin, ProductAdmin, ProductRunAdmin
from analytics.admin.stops import ShiftResultAdmin, StateIntervalAdmin, StopCodeAdmin, StopReasonAdmin

__all__ = [
    "CalendarAdmin",
    "EnergyMeterAdmin",
    "EnergyPriceAdmin",
    "LineAdmin",
    "MachineProfileAdmin",
    "ProductAdmin",
    "ProductRunAdmin",
    "ShiftResultAdmin",
    "StateIntervalAdmin",
    "StopCodeAdmin",
    "StopReasonAdmin",
]
