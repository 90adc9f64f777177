"""What runs on a schedule: all of it in `registry`, run by `scheduler`. A single job is loaded without the others."""
