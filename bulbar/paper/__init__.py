"""The papers' tables and figures beside ours, what their digits can be, and their claims."""
