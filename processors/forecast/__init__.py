"""What a region's transcoding will need soon."""

from processors.forecast.fold import ForecastFold

FORECAST = ForecastFold()
