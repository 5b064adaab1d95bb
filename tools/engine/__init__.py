"""A container engine, a base image and a registry under ECR's name, for a bare Debian machine as root (CI).

Nothing here is used by the module. On a machine that has an engine, the container tests use that one instead.
"""
