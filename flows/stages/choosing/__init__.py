"""Stages that choose pictures: corrections, copies, examinations, findings, splits."""
