"""A host: its file, its calibration to measured migrations, and what it predicts."""
