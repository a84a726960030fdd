"""Every statement of payments, a file for each thing that it keeps."""
