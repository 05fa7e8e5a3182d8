"""Attribution: which person acted and whose data was touched, taken from what a source logged."""
