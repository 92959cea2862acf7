#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small models of families that MaxText has no mapping for compute the same logits in transformers and, converted by
rulec, in MaxText.

  logits_families_test.py RULEC

Needs what logits_test.py needs.
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
import jax
import jax.numpy as jnp
from maxtext.common.common_types import MODEL_MODE_TRAIN
from maxtext.configs import pyconfig
from maxtext.layers import quantizations
from maxtext.models import models
from maxtext.utils import globals as maxtext_globals, max_logging, maxtext_utils
import numpy as np
from safetensors.numpy import load_file
import torch
import transformers

logging.disable(logging.ERROR)
warnings.filterwarnings("ignore")
max_logging.log = lambda *_, **__: None
transformers.utils.logging.disable_progress_bar()

TOLERANCE = 1e-4
BATCH, LENGTH, VOCAB = 2, 11, 64
RUN = dict(
    run_name="logits", dtype="float32", weight_dtype="float32", matmul_precision="highest", attention="dot_product",
    max_target_length=LENGTH, per_device_batch_size=BATCH, hardware="cpu", skip_jax_distributed_system=True,
    dataset_type="synthetic", log_config=False, enable_checkpointing=False, override_model_config=True, vocab_size=VOCAB)
DROPLESS = dict(sparse_matmul=False, capacity_factor=-1.0)
TOKENS = np.random.default_rng(1).integers(1, VOCAB, (BATCH, LENGTH))


def gemma(heads_of_keys):
  hf = transformers.GemmaConfig(
      vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
      num_key_value_heads=heads_of_keys, head_dim=16)
  maxtext = dict(
      model_name="gemma-2b", base_emb_dim=64, base_mlp_dim=96, base_num_decoder_layers=3, base_num_query_heads=4,
      base_num_kv_heads=heads_of_keys, head_dim=16)
  return transformers.GemmaForCausalLM, hf, maxtext, ["--pack", "gemma1"]


def llama4(model, step, qk_norm, rope):
  hf = transformers.Llama4TextConfig(
      vocab_size=VOCAB, hidden_size=32, intermediate_size=24, intermediate_size_mlp=40, num_hidden_layers=4,
      num_attention_heads=4, num_key_value_heads=2, head_dim=8, num_local_experts=4, num_experts_per_tok=1,
      interleave_moe_layer_step=step, use_qk_norm=qk_norm, rope_parameters=rope, pad_token_id=0)
  maxtext = dict(
      model_name=model, base_emb_dim=32, base_mlp_dim=24 if step == 1 else 40, base_moe_mlp_dim=24,
      base_num_decoder_layers=4, base_num_query_heads=4, base_num_kv_heads=2, head_dim=8, num_experts=4,
      rope_use_scale=False, **DROPLESS)
  return transformers.Llama4ForCausalLM, hf, maxtext, ["--pack", "llama4"]


def kimi():
  sizes = dict(
      num_experts_per_tok=2, q_lora_rank=12, kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=8)
  rope = dict(
      rope_type="yarn", rope_theta=50000.0, factor=32.0, beta_fast=1.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0,
      original_max_position_embeddings=4096)
  hf = transformers.DeepseekV3Config(
      vocab_size=VOCAB, hidden_size=32, intermediate_size=48, moe_intermediate_size=24, num_hidden_layers=4,
      num_attention_heads=4, num_key_value_heads=4, first_k_dense_replace=1, n_routed_experts=8, n_shared_experts=1,
      n_group=1, topk_group=1, routed_scaling_factor=2.827, max_position_embeddings=131072, rope_parameters=rope,
      pad_token_id=0, **sizes)
  maxtext = dict(
      model_name="kimi-k2-1t", base_emb_dim=32, base_mlp_dim=48, base_moe_mlp_dim=24, base_num_decoder_layers=4,
      base_num_query_heads=4, base_num_kv_heads=4, first_num_dense_layers=1, num_experts=8, **sizes, **DROPLESS)
  return transformers.DeepseekV3ForCausalLM, hf, maxtext, ["--pack", "deepseek"]


ROPE = {"rope_type": "default", "rope_theta": 500000.0}
MODELS = {
    "Gemma 2B": gemma(1),
    "Gemma 7B": gemma(4),
    "Llama 4 Scout": llama4("llama4-17b-16e", 1, True, ROPE),
    "Llama 4 Maverick": llama4("llama4-17b-128e", 2, False, ROPE),
    "Kimi K2": kimi(),
}


def random_hf(model_class, config):
  """No tensor is at one or at zero, as transformers leaves some: nobody would notice two that are exchanged. MaxText
  rounds a tied embedding to bfloat16 for the logits, whatever it is told, so it is so already."""
  torch.manual_seed(1)
  model = model_class(config).float().eval()
  for weight in (*model.parameters(), *(b for name, b in model.named_buffers() if name.endswith("correction_bias"))):
    torch.nn.init.normal_(weight, std=0.2)
  embedding = model.get_input_embeddings().weight
  embedding.data = embedding.data.bfloat16().float()
  return model


def variables(folder):
  """MaxText's tree. Its collections are those whose names end with Var, and that of the weights."""
  tree = {}
  for file in sorted(folder.rglob("*.safetensors")):
    for name, value in load_file(file).items():
      *path, leaf = name.split(".") if name.split(".")[0].endswith("Var") else ["params", *name.split(".")]
      inner = tree
      for part in path:
        inner = inner.setdefault(part, {})
      inner[leaf] = jnp.asarray(value)
  return tree


def maxtext_logits(folder, maxtext, scan_layers):
  config = pyconfig.initialize(["", os.path.join(maxtext_globals.MAXTEXT_CONFIGS_DIR, "base.yml")], **maxtext, **RUN,
                               scan_layers=scan_layers)
  mesh = jax.sharding.Mesh(maxtext_utils.create_device_mesh(config), config.mesh_axes)
  quant = quantizations.configure_quantization(config)
  model = models.transformer_as_linen(config, mesh=mesh, quant=quant, model_mode=MODEL_MODE_TRAIN)
  positions = jnp.broadcast_to(jnp.arange(LENGTH), (BATCH, LENGTH))
  with mesh:
    logits = model.apply(variables(folder), jnp.asarray(TOKENS), positions, jnp.ones((BATCH, LENGTH), jnp.int32),
                         enable_dropout=False, rngs={"params": jax.random.PRNGKey(0), "aqt": jax.random.PRNGKey(0)})
  return np.asarray(logits[0] if isinstance(logits, tuple) else logits)[..., :VOCAB]


def difference(rulec, scratch, model_class, hf, maxtext, options, scan_layers):
  model = random_hf(model_class, hf)
  model.save_pretrained(scratch / "hf")
  with torch.no_grad():
    wanted = model(torch.tensor(TOKENS), use_cache=False).logits.numpy()
  command = [rulec, "convert", scratch / "hf", scratch / "maxtext", "--store", "safetensors", "--dtype", "f32", "--set",
             f"scan_layers={json.dumps(scan_layers)}", *options]
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  if done.returncode:
    raise RuntimeError(done.stderr)
  return float(np.abs(maxtext_logits(scratch / "maxtext", maxtext, scan_layers) - wanted).max())


def main():
  failed = 0
  for name, model in MODELS.items():
    for scan_layers in (True, False):
      with tempfile.TemporaryDirectory() as scratch:
        off = difference(os.path.abspath(sys.argv[1]), pathlib.Path(scratch), *model, scan_layers)
      fine = off <= TOLERANCE  # not if it is NaN
      failed += not fine
      case = f"{name}, {'scanned' if scan_layers else 'unscanned'}"
      print(f"{case:30} {off:8.1e} <= {TOLERANCE:.0e}  {'ok' if fine else 'FAILED'}", flush=True)
  return 1 if failed else 0


if __name__ == "__main__":
  sys.exit(main())
