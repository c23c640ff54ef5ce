"""Training of the embedded model: generated and harvested programs, token data, the model, its figures.

Nothing here is needed to debug a program. Programs run in worker processes only; harvested ones are tried in the
subprocess of `programs.harvest`.
"""
