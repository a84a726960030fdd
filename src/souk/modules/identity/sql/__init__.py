"""Every statement of identity, a file for each thing that it keeps."""
