"""Long life: the schedule, the service that keeps streams running on it, signals, systemd, metrics, logs."""
