"""The Networks page: architectures as block diagrams."""
