"""What must be known to write a gateway's files?"""

import ipaddress
from dataclasses import dataclass

from environments.declaration import Gateway, Traffic


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server listens: an IP address on a laptop, a Service's name on Kubernetes."""

    host: str = "127.0.0.1"
    port: int

    @property
    def literal(self) -> bool:
        """Whether `host` is an IP address, so that nothing has to be resolved."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class GatewaySettings:
    """One endpoint's gateway.

    `stable` and `candidate` are None while there is no such release. `step` is `Endpoint.step()`. `directory` is where
    Envoy finds the files, `access_log` the file that it appends to: outside of `directory`, every rename in which makes
    Envoy read its files again. Without an `api_key` nobody gets past the open paths.

    Raises ValueError when traffic is meant for a server that is not there.
    """

    listen: Address
    admin: Address
    stable: Address | None
    candidate: Address | None
    traffic: Traffic
    step: str
    limits: Gateway
    api_key: str
    directory: str
    access_log: str

    def __post_init__(self) -> None:
        if self.candidate is None and (self.traffic.candidate or self.traffic.shadow):
            raise ValueError(f"traffic {self.traffic} is meant for a candidate that has no address. Give it one.")
        if self.stable is None and self.candidate is not None:
            raise ValueError("a candidate has an address and the stable release has none. A first release is stable.")
