"""Templates of SAM and CloudFormation, as far as they can be read without AWS."""
