"""One model's servers, gateway and traffic in one environment; changes with every promotion."""
