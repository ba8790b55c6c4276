"""The function behind `POST /generate-upload-url`."""
