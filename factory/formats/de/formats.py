"""Days and times in German where Django writes them by itself, as in the admin: as short as the pages do."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j. M Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j. M Y, H:i"
