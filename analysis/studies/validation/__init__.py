"""The model beside measurements, published figures and rivals."""
