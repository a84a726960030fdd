"""Identity over HTTP, a file for each thing that one comes for."""
