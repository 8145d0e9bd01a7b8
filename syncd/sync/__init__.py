"""The story of one run: plan windows, drive their jobs, load what they bring, move the watermark."""
