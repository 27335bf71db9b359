from django.db import models

from devices.models import Device, ExactCharField

PLANT = 0  # the scope that is all devices; every other one is a group, by its id


class EnergyMeter(models.Model):
    """How a device's energy is measured: by its counter from `counter_since` on, before that by its power.

    A device that another meter measures as well is left out of sums in which that meter is.
    """

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="+")
    counter_metric = ExactCharField(max_length=63, blank=True)
    counter_since = models.BigIntegerField(null=True)  # ms, a whole quarter of an hour; null: always
    power_metric = ExactCharField(max_length=63, blank=True)
    measured_by = models.ForeignKey(Device, models.SET_NULL, null=True, blank=True, related_name="+")
    begins_at = models.BigIntegerField(
        null=True
    )  # ms: the midnight of the day on which it first told its energy
    is_chosen = models.BooleanField(
        default=False
    )  # by a person; the others were found by what devices report

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(measured_by=models.F("device")), name="no_meter_measures_itself"
            )
        ]

    def __str__(self) -> str:
        return f"Energy of device {self.device_id}"


class EnergyPrice(models.Model):
    """What a kWh costs. There is one row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    per_kwh = models.FloatField(null=True)
    currency = models.CharField(max_length=3, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_price_of_energy")]

    def __str__(self) -> str:
        return f"{self.per_kwh} {self.currency} per kWh"


class Demand(models.Model):
    """The energy that all devices of a scope took in a quarter of an hour; nothing known: null.

    Made of the stored rollups, so that a month of a large plant is read at once. A row that is `stale` is not
    believed, since a rollup it was made of has changed.
    """

    pk = models.CompositePrimaryKey("scope", "bucket")
    scope = models.BigIntegerField()
    bucket = models.BigIntegerField()  # ms since the epoch
    kwh = models.FloatField(null=True)
    covered_ms = models.BigIntegerField()  # of all devices together
    resets = models.IntegerField()
    rollovers = models.IntegerField()
    stale = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["bucket", "stale"], name="demand_by_bucket")]


class DemandScope(models.Model):
    """From where to where the demand of a scope is kept, and of which devices and meters it was made."""

    scope = models.BigIntegerField(primary_key=True)
    made_of = models.CharField(max_length=64)
    filled_from = models.BigIntegerField()
    filled_to = models.BigIntegerField()

    def __str__(self) -> str:
        return f"Demand of scope {self.scope}"


class DemandEdition(models.Model):
    """Moves with every change of a rollup that demand may have been made of. There is one row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    edition = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"Edition {self.edition}"
