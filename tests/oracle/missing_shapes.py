"""Shapes of the Hugging Face side where MaxText has no table of them, or one that leaves tensors out."""


def _vision_qwen(config, prefix, names):
    d, f, out = config["hidden_size"], config["intermediate_size"], config["out_hidden_size"]
    patch, merged = config["patch_size"], config["hidden_size"] * config["spatial_merge_size"] ** 2
    shapes = {
            f"{prefix}.patch_embed.proj.weight": (d, config["in_channels"], config["temporal_patch_size"], patch, patch),
            f"{prefix}.patch_embed.proj.bias": (d,),
            f"{prefix}.pos_embed.weight": (config["num_position_embeddings"], d),
    }
    for i in range(config["depth"]):
        p = f"{prefix}.blocks.{i}"
        shapes.update({f"{p}.norm{j}.{w}": (d,) for j in (1, 2) for w in ("weight", "bias")})
        shapes.update({
                f"{p}.attn.qkv.weight": (3 * d, d), f"{p}.attn.qkv.bias": (3 * d,),
                f"{p}.attn.proj.weight": (d, d), f"{p}.attn.proj.bias": (d,),
                f"{p}.mlp.linear_fc1.weight": (f, d), f"{p}.mlp.linear_fc1.bias": (f,),
                f"{p}.mlp.linear_fc2.weight": (d, f), f"{p}.mlp.linear_fc2.bias": (d,),
        })  # fmt: skip
    norm, fc1, fc2 = names["norm"], names["fc1"], names["fc2"]
    mergers = [(f"{prefix}.{names['list']}.{i}", merged) for i in range(len(config.get("deepstack_visual_indexes", [])))]
    for p, norm_dim in mergers + [(f"{prefix}.merger", d)]:
        shapes.update({
                f"{p}.{norm}.weight": (norm_dim,), f"{p}.{norm}.bias": (norm_dim,),
                f"{p}.{fc1}.weight": (merged, merged), f"{p}.{fc1}.bias": (merged,),
                f"{p}.{fc2}.weight": (out, merged), f"{p}.{fc2}.bias": (out,),
        })  # fmt: skip
    return shapes


_VL_NAMES = {"list": "deepstack_merger_list", "norm": "norm", "fc1": "linear_fc1", "fc2": "linear_fc2"}
_OMNI_NAMES = {"list": "merger_list", "norm": "ln_q", "fc1": "mlp.0", "fc2": "mlp.2"}


def _dense_text(config, base="model", head="lm_head.weight"):
    from maxtext.checkpoint_conversion.utils.hf_shape import QWEN_HF_WEIGHTS_TO_SHAPE

    shapes = {}
    for name, shape in QWEN_HF_WEIGHTS_TO_SHAPE(config).items():
        shapes[name.replace("model.", base + ".", 1) if name.startswith("model.") else head] = tuple(shape)
    return shapes


def qwen3_vl(config, case):
    text = config["text_config"]
    shapes = _dense_text(text, "model.language_model")
    experts, d, f = text.get("num_local_experts", 0), text["hidden_size"], text.get("moe_intermediate_size")
    for i in range(text["num_hidden_layers"] if experts else 0):
        # The published fused layout is (experts, in, out): MaxText's hook splits the last axis and does not transpose.
        shapes[f"model.language_model.layers.{i}.mlp.experts.gate_up_proj"] = (experts, d, 2 * f)
        shapes[f"model.language_model.layers.{i}.mlp.experts.down_proj"] = (experts, f, d)
    shapes.update(_vision_qwen(config["vision_config"], "model.visual", _VL_NAMES))
    return shapes


def weaver(config, case):
    rename = {
            "self_attn.q_proj": "self_attn.to_q", "self_attn.k_proj": "self_attn.to_k", "self_attn.v_proj": "self_attn.to_v",
            "self_attn.o_proj": "self_attn.to_out", "self_attn.q_norm": "self_attn.norm_q",
            "self_attn.k_norm": "self_attn.norm_k",
    }  # fmt: skip
    shapes = {}
    for name, shape in qwen3_vl(config, case).items():
        for prefix in ("model.language_model.", "model.visual.", "model."):
            if name.startswith(prefix):
                name = name[len(prefix) :]
                break
        for old, new in rename.items():
            name = name.replace(old, new)
        shapes[name] = shape
    return shapes


def qwen3_next(config, case):
    d, n, k, h = (config[x] for x in ("hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim"))
    hk, hv = config["linear_num_key_heads"], config["linear_num_value_heads"]
    dk, dv = config["linear_key_head_dim"], config["linear_value_head_dim"]
    f, sf, experts = config["moe_intermediate_size"], config["shared_expert_intermediate_size"], config["num_experts"]
    vocab, cycle = config["vocab_size"], config["full_attention_interval"]
    shapes = {"model.embed_tokens.weight": (vocab, d), "model.norm.weight": (d,), "lm_head.weight": (vocab, d)}
    for i in range(config["num_hidden_layers"]):
        p = f"model.layers.{i}"
        shapes.update({f"{p}.input_layernorm.weight": (d,), f"{p}.post_attention_layernorm.weight": (d,)})
        if (i + 1) % cycle == 0:
            shapes.update({
                    f"{p}.self_attn.q_proj.weight": (2 * n * h, d), f"{p}.self_attn.k_proj.weight": (k * h, d),
                    f"{p}.self_attn.v_proj.weight": (k * h, d), f"{p}.self_attn.o_proj.weight": (d, n * h),
                    f"{p}.self_attn.q_norm.weight": (h,), f"{p}.self_attn.k_norm.weight": (h,),
            })  # fmt: skip
        else:
            shapes.update({
                    f"{p}.linear_attn.in_proj_qkvz.weight": (2 * hk * dk + 2 * hv * dv, d),
                    f"{p}.linear_attn.in_proj_ba.weight": (2 * hv, d),
                    f"{p}.linear_attn.conv1d.weight": (2 * hk * dk + hv * dv, 1, config["linear_conv_kernel_dim"]),
                    f"{p}.linear_attn.A_log": (hv,), f"{p}.linear_attn.dt_bias": (hv,), f"{p}.linear_attn.norm.weight": (dv,),
                    f"{p}.linear_attn.out_proj.weight": (d, hv * dv),
            })  # fmt: skip
        shapes.update({
                f"{p}.mlp.gate.weight": (experts, d), f"{p}.mlp.shared_expert.gate_proj.weight": (sf, d),
                f"{p}.mlp.shared_expert.up_proj.weight": (sf, d), f"{p}.mlp.shared_expert.down_proj.weight": (d, sf),
                f"{p}.mlp.shared_expert_gate.weight": (1, d),
        })  # fmt: skip
        for e in range(experts):
            q = f"{p}.mlp.experts.{e}"
            shapes.update({f"{q}.gate_proj.weight": (f, d), f"{q}.up_proj.weight": (f, d), f"{q}.down_proj.weight": (d, f)})
    return shapes


def qwen3_5(config, case):
    shapes = {}
    if config.get("vision_config"):
        shapes.update(_vision_qwen(config["vision_config"], "model.visual", _VL_NAMES))
    if case.get("fp8_block"):
        block = case["fp8_block"]
        from maxtext.checkpoint_conversion.utils.hf_shape import QWEN3_5_HF_WEIGHTS_TO_SHAPE

        text = config["text_config"]
        d, f = text["hidden_size"], text["moe_intermediate_size"]
        weights = {k: tuple(v) for k, v in QWEN3_5_HF_WEIGHTS_TO_SHAPE(config).items() if isinstance(k, str)}
        for i in range(text["num_hidden_layers"]):
            for e in range(text["num_experts"]):
                q = f"model.language_model.layers.{i}.mlp.experts.{e}"
                weights.update({f"{q}.gate_proj.weight": (f, d), f"{q}.up_proj.weight": (f, d), f"{q}.down_proj.weight": (d, f)})
        for name, shape in weights.items():
            shapes[name] = shape
            if name.endswith(".weight") and len(shape) == 2:
                shapes[name + "_scale_inv"] = tuple(-(-s // block) for s in shape)
    return shapes


def olmo3(config, case):
    d, f, n, k, vocab = (
            config[x] for x in ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "vocab_size")
    )
    h = config["head_dim"]
    shapes = {"model.embed_tokens.weight": (vocab, d), "model.norm.weight": (d,), "lm_head.weight": (vocab, d)}
    for i in range(config["num_hidden_layers"]):
        p = f"model.layers.{i}"
        shapes.update({
                f"{p}.self_attn.q_proj.weight": (n * h, d), f"{p}.self_attn.k_proj.weight": (k * h, d),
                f"{p}.self_attn.v_proj.weight": (k * h, d), f"{p}.self_attn.o_proj.weight": (d, n * h),
                f"{p}.self_attn.q_norm.weight": (n * h,), f"{p}.self_attn.k_norm.weight": (k * h,),
                f"{p}.mlp.gate_proj.weight": (f, d), f"{p}.mlp.up_proj.weight": (f, d), f"{p}.mlp.down_proj.weight": (d, f),
                f"{p}.post_attention_layernorm.weight": (d,), f"{p}.post_feedforward_layernorm.weight": (d,),
        })  # fmt: skip
    return shapes


def omni(config, case):
    thinker = config["thinker_config"]
    shapes = _dense_text(thinker["text_config"], "thinker.model", "thinker.lm_head.weight")
    shapes.update(_vision_qwen(thinker["vision_config"], "thinker.visual", _OMNI_NAMES))
    a = thinker["audio_config"]
    d, f, down, p = a["d_model"], a["encoder_ffn_dim"], a["downsample_hidden_size"], "thinker.audio_tower"
    reduced = (((a["num_mel_bins"] + 1) // 2 + 1) // 2 + 1) // 2
    shapes.update({
            f"{p}.conv2d1.weight": (down, 1, 3, 3), f"{p}.conv2d2.weight": (down, down, 3, 3),
            f"{p}.conv2d3.weight": (down, down, 3, 3), f"{p}.conv_out.weight": (d, down * reduced),
            f"{p}.ln_post.weight": (d,), f"{p}.ln_post.bias": (d,), f"{p}.proj1.weight": (d, d), f"{p}.proj1.bias": (d,),
            f"{p}.proj2.weight": (a["output_dim"], d), f"{p}.proj2.bias": (a["output_dim"],),
            **{f"{p}.conv2d{i}.bias": (down,) for i in (1, 2, 3)},
    })  # fmt: skip
    for i in range(a["encoder_layers"]):
        q = f"{p}.layers.{i}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes.update({f"{q}.self_attn.{name}.weight": (d, d), f"{q}.self_attn.{name}.bias": (d,)})
        for name in ("self_attn_layer_norm", "final_layer_norm"):
            shapes.update({f"{q}.{name}.weight": (d,), f"{q}.{name}.bias": (d,)})
        shapes.update({f"{q}.fc1.weight": (f, d), f"{q}.fc1.bias": (f,), f"{q}.fc2.weight": (d, f), f"{q}.fc2.bias": (d,)})
    return shapes


# By what a case names as its `shapes`.
SHAPES = {
        "qwen3_vl": qwen3_vl,
        "weaver": weaver,
        "qwen3_next": qwen3_next,
        "qwen3_5": qwen3_5,
        "olmo3": olmo3,
        "omni": omni,
}
