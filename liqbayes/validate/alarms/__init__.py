"""How often the monitor sounds for nothing, and whether it finds planted faults."""
