"""From the bytes of a file to a JPEG for Rekognition.

`conversion` is the way of a picture, `tiff` and `brightness` what TIFF files want. The process that decodes loads this
package and `picture`, so neither imports the rest of labelling or boto3.
"""
