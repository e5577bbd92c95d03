"""What is wrong with this data: the numbers of a store, and what they warn of.

`examine` measures; `findings.findings` judges. Nothing here changes a store.
"""
