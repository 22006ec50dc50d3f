"""Whom do you believe? Certificates and those who issue them. Nothing here touches a network."""
