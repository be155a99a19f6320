"""One migration drawn anew at every change: in JupyterLab and in its HTML report."""
