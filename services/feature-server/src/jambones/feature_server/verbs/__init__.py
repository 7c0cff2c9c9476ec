"""What verbs do: one coroutine a file, under the name that its data has in `jambones.common.verbs`."""
