"""What each environment is: choices only, typed whole, with one loader for programs and pipelines."""
