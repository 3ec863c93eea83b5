"""The papers' tables and figures compared with ours, what their digits imply, and their claims."""
