"""The container path: the module builds and pushes a real image, which then runs under Lambda's emulator."""
