"""The detectors: one module each, a pure function of the pixels.

Every detector takes a `Picture` (or one of its grey copies) and gives frozen dataclasses with boxes as fractions
of the upright picture. None knows Rekognition's wire format.
"""
