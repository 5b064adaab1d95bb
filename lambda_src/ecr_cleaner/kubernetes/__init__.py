"""Reads the API of a Kubernetes cluster: plain HTTP, lists only, one request at a time. Alone imports urllib3.

Nothing here writes to a cluster, and nothing reads Secrets.
"""
