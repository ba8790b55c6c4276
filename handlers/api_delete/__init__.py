"""The function behind `DELETE /images`."""
