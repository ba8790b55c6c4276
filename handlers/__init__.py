"""Code that runs in AWS Lambda: one folder per function, and the packages the functions share."""
