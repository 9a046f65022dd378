"""Recommender: matrix factorization on real ratings, trained live while the sliders act."""

from collections.abc import Callable

import pandas as pd

from sim.recommender.upload import Origin
from ui import controls, stage
from ui.code import recommender as code
from ui.controls import Choice, Number, Seed, Strength
from ui.i18n import N_, _
from ui.named import Named
from ui.scenes import Scene
from ui.views.recommender import films, learned, maths, own, sweep, train, training, words
from ui.views.recommender.dataset import current

MOST_USERS = 2000  # in the list to choose from; the help says so
dataset = current()
mine = films.mine_control(dataset)

CONTROLS = (
    Strength(
        key="weight_decay",
        label=N_("Weight decay λ"),
        low=-6,
        high=1,
        help=N_(
            "AdamW: each step multiplies every weight by e^(−η·λ·κ), about 1 − η·λ·κ; κ is the "
            "batch size over 64, for large data over more (see The maths). Adam with L2 and SGD: "
            "the penalty λ/2·‖w‖² in the loss. These are different scales: on MovieLens at "
            "η = 0.001, what fits is of the order of 0.2 for AdamW, and of 1e-4 for the other two."
        ),
    ),
    Number(
        key="dropout",
        label=N_("Dropout p"),
        default=0.0,
        low=0.0,
        high=0.9,
        step=0.05,
        help=N_(
            "The share of factor products left out of each prediction in training; in the neural "
            "networks, of the units in their hidden layers. It acts in steps of 1/256."
        ),
    ),
    Number(
        key="patience",
        label=N_("Patience, epochs"),
        default=30,
        low=1,
        high=30,
        help=N_(
            "Training stops when so many epochs in a row brought no new best validation loss. The "
            "best epoch's weights come back then."
        ),
    ),
    Named(
        key="model",
        label=N_("Model"),
        default="dot",
        names={
            "dot": N_("Dot product and biases"),
            "ncf": N_("Neural network (NCF)"),
            "neumf": N_("Both, added up (NeuMF)"),
            "attention": N_("Attention over ratings"),
        },
        whole=True,
        more=True,
        help=N_(
            "What is made of the two vectors: their product plus biases; a small neural network "
            "on both; the sum of these two; or a user who is the weighted sum of what they rated."
        ),
    ),
    Named(
        key="optimizer",
        label=N_("Optimizer"),
        default="adamw",
        names={"adamw": "AdamW", "adam_l2": "Adam + L2", "sgd": "SGD"},
        whole=True,
        more=True,
        help=N_("It decides what λ means: decoupled decay, or a penalty in the loss."),
    ),
    Number(
        key="n_factors", label=N_("Factors"), default=50, low=1, high=200, more=True, whole=True
    ),
    Choice(
        key="batch_size",
        label=N_("Batch size"),
        default=training.batch_size(len(dataset.train)),
        options=training.BATCH_SIZES,
        whole=True,
        more=True,
    ),
    Choice(
        key="learning_rate",
        label=N_("Learning rate η"),
        default="0.001",
        options=("0.0001", "0.0002", "0.0005", "0.001", "0.002", "0.005", "0.01", "0.05"),
        whole=True,
        more=True,
        help=N_(
            "Quoted at batch size 64, or 1,250 batches an epoch where those are larger. At κ times "
            "that size Adam's rate is √κ times as large, up to 0.1 or η itself; SGD's is 50·κ·η "
            "for factors and 10·κ·η for layers, up to 0.8 and 0.1, and up to 0.004/λ."
        ),
    ),
    Named(
        key="schedule",
        label=N_("Schedule"),
        default="constant",
        names={"constant": N_("Constant"), "one_cycle": N_("One cycle")},
        whole=True,
        more=True,
    ),
    Number(key="epochs", label=N_("Epochs"), default=30, low=1, high=60, more=True, whole=True),
    Seed(key="seed", label=N_("Seed"), more=True),
    Choice(
        key="user",
        label=N_("Recommend to user"),
        default="73" if dataset.upload is None else dataset.everything.user_ids[0],
        options=dataset.everything.user_ids[:MOST_USERS],
        whole=True,
        help=None
        if dataset.everything.n_users <= MOST_USERS
        else N_("The first 2,000 users of the data can be chosen."),
    ),
    mine,
)
KNOBS = frozenset({"weight_decay", "dropout", "patience"})
SETTINGS = frozenset(control.key for control in CONTROLS if control.more)
# Ten well-known films, as somebody rates them who likes crime stories.
TEN = "296:5,318:5,593:5,50:5,608:4,2571:4,260:2,1721:1,780:1,648:2"

INNER = str.maketrans("“”", "‘’")  # quotation marks inside others

SCENES = (
    Scene(
        N_("It memorises"),
        N_(
            "Press Start. Without regularization the training loss falls and falls; the validation "
            "loss turns after a few epochs and rises: the model learns ratings by heart."
        ),
    ),
    Scene(
        N_("λ fits"),
        N_(
            "With weight decay the validation loss falls about as far, and then stays there. Try "
            "it mid-run: λ acts on the very next step."
        ),
        {"weight_decay": 0.2},
    ),
    Scene(
        N_("λ too much"),
        N_(
            "The weights are pulled towards zero faster than they can learn: training and "
            "validation loss both stay high. Underfitting."
        ),
        {"weight_decay": 1.0},
    ),
    Scene(
        N_("p instead of λ"),
        N_(
            "Dropout alone: the model cannot rely on any one product of factors. The validation "
            "loss rises far less than without."
        ),
        {"dropout": 0.5},
    ),
    Scene(
        N_("p and λ"),
        N_(
            "Both together end lower than the best epoch without either, and stay there to the "
            "last epoch."
        ),
        {"weight_decay": 0.1, "dropout": 0.5},
    ),
    Scene(
        N_("Patience 1 is fooled"),
        N_(
            "One epoch without a new best and it stops, though better ones would have come: the "
            "validation loss is not smooth."
        ),
        {"weight_decay": 0.2, "dropout": 0.3, "patience": 1, "batch_size": "1024"},
    ),
    Scene(
        N_("Patience 5"),
        N_("The same run with patience 5 walks over the bump and keeps a better epoch."),
        {"weight_decay": 0.2, "dropout": 0.3, "patience": 5, "batch_size": "1024"},
    ),
    Scene(
        N_("The best epoch, restored"),
        N_(
            "No regularization but patience: after 3 epochs without a new best the training stops "
            "and the best epoch's weights come back."
        ),
        {"patience": 3},
    ),
    Scene(
        N_("Big and regularized"),
        N_(
            "200 factors with λ and p reach a lower validation loss than a small model, 5 factors "
            "with neither: regularize a large model rather than shrink it."
        ),
        {"n_factors": 200, "weight_decay": 0.1, "dropout": 0.5, "batch_size": "1024"},
    ),
    Scene(
        N_("Your ten films"),
        N_(
            "Somebody who likes crime stories rated ten films; the trained model takes in the new "
            "user without any training. Change the stars, or find films of your own."
        ),
        {"view": "films", "mine": TEN},
    ),
)


def with_own_ratings(scene: Scene) -> Scene:
    """A scene beside a visitor's own ratings: its sentence is about MovieLens, and says so.

    The last one is about films that are not there; its place is kept, as links have its number.
    """
    if "mine" in scene.values:
        return Scene(
            N_("Your own ratings"),
            N_(
                "Rate some items of your data; the trained model takes in the new user without any "
                "training."
            ),
            {"view": "films"},
        )
    said = _("Written for MovieLens: “{sentence}” How is it with your ratings?").format(
        sentence=_(scene.see).translate(INNER)
    )
    return Scene(scene.title, said, scene.values)


def settings() -> training.Settings:
    return training.settings_from(controls.read(CONTROLS), current())


def knobs() -> training.Knobs:
    return training.knobs_from(controls.read(CONTROLS))


def history() -> stage.Table:
    run = training.run()
    rows = [
        (h.epoch, h.train_loss, h.valid_loss, h.seconds)
        for h in (run.progress.history if run and run.progress else ())
    ]
    columns = ["epoch", "train_loss", "valid_loss", "seconds"]
    return stage.Table(pd.DataFrame(rows, columns=columns), "recommender.csv")


def origin() -> Origin | None:
    upload = current().upload
    return upload.origin if upload else None


def source() -> str:
    return code.source(settings(), knobs(), origin())


def recommended() -> str:
    user = controls.read(CONTROLS)["user"]
    return code.recommended(*training.recipe(settings(), knobs()), origin(), user)


def biases() -> str:
    return code.learned(*training.recipe(settings(), knobs()), origin())


def view(
    name: str,
    title: str,
    whole: Callable[[], None],
    uses: frozenset[str],
    data: Callable[[], stage.Table],
    see: Callable[[], None],
    maths: Callable[[stage.Values], None],
    code: Callable[[], str],
) -> stage.View:
    return stage.View(
        name=name,
        title=title,
        whole=whole,
        uses=uses,
        draw=lambda _values: None,
        see=see,
        maths=maths,
        code=lambda _values: code(),
        data=lambda _values: data(),
    )


own.settle(CONTROLS)
stage.screen(
    SCENES if dataset.upload is None else tuple(map(with_own_ratings, SCENES)),
    CONTROLS,
    view(
        "train",
        N_("Training"),
        lambda: train.draw(settings, knobs),
        KNOBS | SETTINGS,
        history,
        lambda: words.see_train(settings()),
        lambda _values: maths.train(settings(), knobs()),
        source,
    ),
    view(
        "films",
        N_("Recommendations"),
        lambda: films.draw(mine, knobs),
        frozenset({"user", "mine"}),
        films.data,
        words.see_films,
        maths.films,
        recommended,
    ),
    view(
        "learned",
        N_("What it learned"),
        lambda: learned.draw(knobs),
        frozenset(),
        learned.data,
        words.see_learned,
        maths.learned,
        biases,
    ),
    view(
        "sweep",
        N_("Sweep"),
        sweep.draw,
        frozenset(),
        sweep.data,
        words.see_sweep,
        maths.sweep,
        lambda: sweep.source(origin()),
    ),
    view(
        "data",
        N_("Your data"),
        own.draw,
        frozenset(),
        own.data,
        words.see_own,
        lambda _values: maths.train(settings(), knobs()),
        source,
    ),
)
