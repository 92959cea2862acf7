#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Gemma 2 computes the same logits before and after rulec, both ways: transformers runs one side, MaxText the other.

  logits_test.py RULEC

That every number arrives where the rules say does not tell whether they are right: that MaxText leaves the scaling of
queries to its weights, say, only running it shows. Needs Python 3.12; requirements-logits.txt lists the packages.
"""

import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

os.environ.update({"JAX_PLATFORMS": "cpu", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"})

# pylint: disable=wrong-import-position
from flax import nnx
import jax
import jax.numpy as jnp
from maxtext.common import checkpointing, train_state_nnx
from maxtext.configs import pyconfig
from maxtext.utils import globals as maxtext_globals, max_logging, model_creation_utils
import numpy as np
import optax
import torch
import transformers

logging.disable(logging.ERROR)
warnings.filterwarnings("ignore")
max_logging.log = lambda *_, **__: None
transformers.utils.logging.disable_progress_bar()

TOLERANCE = 1e-4
BATCH, LENGTH = 2, 24

# Windows shorter than the sequences, caps within reach of the logits, a query_pre_attn_scalar that is not head_dim (27B
# has one), and rows that MaxText pads: what is not there cannot go wrong. MaxText rounds the embedding to bfloat16 for
# the logits, whatever it is told, so both sides get one that is so already: sqrt(hidden_size) is a power of two.
HF = dict(
    vocab_size=250, hidden_size=64, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=24, sliding_window=8, attn_logit_softcapping=5.0,
    final_logit_softcapping=3.0, max_position_embeddings=64)
MAXTEXT = dict(
    model_name="gemma2-2b", override_model_config=True, vocab_size=256, base_emb_dim=64, base_mlp_dim=96,
    base_num_decoder_layers=2, base_num_query_heads=4, base_num_kv_heads=2, head_dim=16, sliding_window_size=8,
    attn_logits_soft_cap=5.0, final_logits_soft_cap=3.0)
RUN = dict(
    run_name="logits", dtype="float32", weight_dtype="float32", matmul_precision="highest", attention="dot_product",
    max_target_length=LENGTH, per_device_batch_size=BATCH, hardware="cpu", skip_jax_distributed_system=True,
    dataset_type="synthetic", log_config=False)
LAYOUTS = {"scanned": True, "unscanned": False}

TOKENS = np.random.default_rng(1).integers(0, HF["vocab_size"], (BATCH, LENGTH))


def random_hf():
  """Its norms are not all at one, as transformers leaves them: nobody would notice two that are exchanged."""
  torch.manual_seed(1)
  model = transformers.Gemma2ForCausalLM(transformers.Gemma2Config(**HF))
  for weight in model.parameters():
    torch.nn.init.normal_(weight, std=0.3 if weight.ndim == 1 else 0.1)
  embedding = model.get_input_embeddings().weight
  embedding.data = embedding.data.bfloat16().float()
  return model


def load_hf(folder, **changes):
  """Only eager attention caps its logits."""
  model, found = transformers.AutoModelForCausalLM.from_pretrained(
      folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **changes)
  assert not any(found.values()), found
  return model


def hf_logits(model):
  with torch.no_grad():
    return model.eval()(torch.tensor(TOKENS), use_cache=False).logits.numpy()


def maxtext_config(scan_layers, **options):
  base = os.path.join(maxtext_globals.MAXTEXT_CONFIGS_DIR, "base.yml")
  return pyconfig.initialize(["", base], **MAXTEXT, **RUN, **options, scan_layers=scan_layers)


def random_maxtext(config):
  """As MaxText initialises it, but that its norms are not all at one either."""
  model = model_creation_utils.from_pretrained(config)[0]
  rng = np.random.default_rng(2)
  params = nnx.state(model, nnx.Param)
  nnx.update(model, jax.tree.map(lambda p: p + rng.normal(0, 0.1, p.shape).astype(np.float32), params))
  embedding = model.token_embedder.embedding
  embedding[...] = embedding[...].astype(jnp.bfloat16).astype(jnp.float32)
  return model


def maxtext_logits(model):
  positions = np.broadcast_to(np.arange(LENGTH), (BATCH, LENGTH))
  logits = model(TOKENS, positions, np.ones((BATCH, LENGTH), np.int32), enable_dropout=False)
  return np.asarray(logits)[..., :HF["vocab_size"]]


def save_training(manager, model, config):
  """What training writes: the optimizer's state and random keys beside the weights."""
  state = train_state_nnx.TrainStateNNX(model, nnx.Optimizer(model, optax.adamw(1e-3), wrt=nnx.Param))
  checkpointing.save_checkpoint(manager, 0, state, config)


def save_weights(manager, model, _):
  """What generate_param_only_checkpoint writes for decoding, but that it rounds them to bfloat16."""
  params = nnx.state(model, nnx.Param).to_pure_dict()
  checkpointing.save_checkpoint(manager, 0, jax.tree.map(lambda p: {"value": p}, params))


class Test:
  """A row for each difference between logits."""

  def __init__(self, rulec, scratch):
    self.rulec, self.scratch, self.passed, self.failed = rulec, pathlib.Path(scratch), 0, 0
    self.hf = self.scratch / "hf"
    random_hf().save_pretrained(self.hf)
    self.wanted = hf_logits(load_hf(self.hf))

  def row(self, name, must_agree, logits, wanted):
    """The logits come of a function: what goes wrong in it fails this row and no other."""
    try:
      difference = float(np.abs(logits() - wanted).max())
      fine = difference <= TOLERANCE if must_agree else difference > TOLERANCE  # neither if it is NaN
      print(f"{name:50} {difference:8.1e} {'<=' if must_agree else '> '} {TOLERANCE:.0e}  {'ok' if fine else 'FAILED'}")
    except Exception as error:  # pylint: disable=broad-except
      fine = False
      print(f"{name:50} FAILED: {type(error).__name__}: {str(error)[:2000]}")
    self.passed += fine
    self.failed += not fine

  def convert(self, source, target, scan_layers, *options):
    """With MaxText's config as MaxText gets it. JSON is YAML, too."""
    config = self.scratch / "maxtext.yml"
    config.write_text(json.dumps(MAXTEXT | {"scan_layers": scan_layers}))
    command = [self.rulec, "convert", source, target, "--config", f"maxtext={config}", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
      raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr}")

  def to_maxtext(self, layout, *options):
    run = pathlib.Path(tempfile.mkdtemp(dir=self.scratch)) / "run"
    self.convert(self.hf, run, LAYOUTS[layout], "--to", "maxtext", *options)
    config = maxtext_config(LAYOUTS[layout], load_parameters_path=str(run / "0/items"))
    return maxtext_logits(model_creation_utils.from_pretrained(config)[0])

  def to_hf(self, layout, save, model, config):
    run = pathlib.Path(tempfile.mkdtemp(dir=self.scratch)) / "run"
    manager = checkpointing.create_orbax_checkpoint_manager(str(run), True, False, 1)
    save(manager, model, config)
    checkpointing.wait_until_finished(manager)
    # MaxText fills the rows that it pads, too.
    self.convert(run, run.parent / "hf", LAYOUTS[layout], "--to", "hf", "--config", f"hf={self.hf}/config.json",
                 "--pad-policy", "drop")
    return hf_logits(load_hf(run.parent / "hf"))

  def agree(self):
    for layout, scan_layers in LAYOUTS.items():
      self.row(f"to MaxText, {layout}", True, lambda: self.to_maxtext(layout), self.wanted)
      config = maxtext_config(scan_layers)
      model = random_maxtext(config)
      wanted = maxtext_logits(model)
      for what, save in ("weights alone", save_weights), ("as training saves", save_training):
        self.row(f"from MaxText, {layout}, {what}", True, lambda: self.to_hf(layout, save, model, config), wanted)

  def differ(self):
    """That each of these is seen shows that the rows above would."""
    self.row("control: queries scaled by head_dim", False,
             lambda: self.to_maxtext("scanned", "--set", "query_scale_from=head_dim"), self.wanted)
    changed = {"local and global layers exchanged": {"layer_types": ["full_attention", "sliding_attention"] * 2},
               "attention not capped": {"attn_logit_softcapping": None}}
    for name, changes in changed.items():
      self.row(f"control: {name}", False, lambda: hf_logits(load_hf(self.hf, **changes)), self.wanted)


def main():
  with tempfile.TemporaryDirectory() as scratch:
    test = Test(os.path.abspath(sys.argv[1]), scratch)
    test.agree()
    test.differ()
  print(f"{test.passed} passed, {test.failed} failed")
  return 1 if test.failed else 0


if __name__ == "__main__":
  sys.exit(main())
