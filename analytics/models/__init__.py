from analytics.models.calendars import Calendar, Shift
from analytics.models.energy import Demand, DemandEdition, DemandScope, EnergyMeter, EnergyPrice
from analytics.models.machines import Line, MachineMark, MachineProfile, Product, ProductRun, Redo
from analytics.models.reports import Report, ReportMail, ReportSchedule
from analytics.models.results import ShiftResult
from analytics.models.stops import StateInterval, StopCode, StopReason
from analytics.models.walls import WallLink

__all__ = [
    "Calendar",
    "Demand",
    "DemandEdition",
    "DemandScope",
    "EnergyMeter",
    "EnergyPrice",
    "Line",
    "MachineMark",
    "MachineProfile",
    "Product",
    "ProductRun",
    "Redo",
    "Report",
    "ReportMail",
    "ReportSchedule",
    "Shift",
    "ShiftResult",
    "StateInterval",
    "StopCode",
    "StopReason",
    "WallLink",
]
