"""The page and the API that `imgae serve` offers."""
