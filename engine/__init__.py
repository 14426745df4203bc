"""The part of Assay that would make sense without chat: judgement, storage, training, serving and the counter.

Layers, high to low, imports go down only (checked by import-linter, see pyproject.toml):

    worker                    the engine's main program
    desk                      the counter people come to: one function per verb, one transaction, one deed
    flows                     long work, written as sequences of named steps
    services                  what every function may need, built once in main()
    runners | jobs            where heavy work runs, and the child process that does it
    servers | evals | importers
    train                     the ladder of ways to train
    approaches                what a task is: classify
    teachers                  the one way we talk to a chat model
    store                     the only SQL
    rules                     pure judgement
    models                    nouns
    errors
"""
