"""The only SQL: one module of plain functions per noun, ``tx`` first; they never commit and never open."""
