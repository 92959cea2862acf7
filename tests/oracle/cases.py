"""The toy models of the oracle: one case for every mapping, hook and size-dependent branch of MaxText's converter.

Sizes are pairwise distinct where the architecture allows it, so that swapped axes cannot go unnoticed.

A case has: `family`, `model` (MaxText's model_name), `hf` (values put into the Hugging Face configuration, by section), `mt` (MaxText
configuration values) and, where needed, `hf_dict` (the dictionary in hf_model_configs to build the HF configuration from),
`shape_model` / `shapes` (where MaxText has no shape table), `scan` (which layouts exist), `dtypes` / `mt_dtypes` (name pattern -> type
of the input, where it is not BF16).
"""


def _text(d, f, n, k, h, layers, vocab, **more):
    """The usual HF names for the usual sizes."""
    return {
            "hidden_size": d, "intermediate_size": f, "num_attention_heads": n, "num_key_value_heads": k,
            "head_dim": h, "num_hidden_layers": layers, "vocab_size": vocab, **more,
    }  # fmt: skip


def _mt(d, f, n, k, h, layers, vocab, **more):
    """The usual MaxText names for the usual sizes."""
    return {
            "base_emb_dim": d, "base_mlp_dim": f, "base_num_query_heads": n, "base_num_kv_heads": k,
            "head_dim": h, "base_num_decoder_layers": layers, "vocab_size": vocab, **more,
    }  # fmt: skip


def _gemma2(model, d, f, n, k, h, layers, vocab, padded, qpas):
    return {
            "family": "gemma2",
            "model": model,
            "f32": True,
            "hf": {"": _text(d, f, n, k, h, 2 * layers, vocab, query_pre_attn_scalar=qpas)},
            "mt": _mt(d, f, n, k, h, layers, padded),
    }


def _gemma3(model, d, f, n, k, h, layers, vocab, padded, vd, vf, vn, vlayers, image, patch, multimodal):
    return {
            "family": "gemma3",
            "model": model,
            "hf": {
                    "text_config": _text(d, f, n, k, h, layers, vocab, query_pre_attn_scalar=h),
                    "vision_config": {
                            "hidden_size": vd, "intermediate_size": vf, "num_attention_heads": vn, "num_hidden_layers": vlayers,
                            "image_size": image, "patch_size": patch,
                    },
            },
            "mt": _mt(
                    d, f, n, k, h, layers, padded, use_multimodal=multimodal, hidden_size_for_vit=vd, intermediate_size_for_vit=vf,
                    num_attention_heads_for_vit=vn, num_hidden_layers_for_vit=vlayers, image_size_for_vit=image,
                    patch_size_for_vit=patch, conv_stride_for_vit=patch,
            ),
    }  # fmt: skip


def _gemma4(model, hf_dict, d, f, n, k, h, gh, gk, layers, vocab, padded, v, moe=None, multimodal=True):
    text = _text(
            d, f, n, k, h, layers, vocab, global_head_dim=gh, num_global_key_value_heads=gk,
            layer_types=["full_attention" if i % 6 == 5 else "sliding_attention" for i in range(layers)],
            vocab_size_per_layer_input=vocab,
    )  # fmt: skip
    mt = _mt(
            d, f, n, k, h, layers, padded, global_head_dim=gh, global_num_kv_heads=gk, use_multimodal=multimodal,
            hidden_size_for_vit=v["d"], intermediate_size_for_vit=v["f"], num_attention_heads_for_vit=v["n"],
            num_hidden_layers_for_vit=v["layers"], num_position_embeddings_for_vit=v["positions"],
    )  # fmt: skip
    if moe:
        text.update(num_experts=moe["experts"], moe_intermediate_size=moe["f"], top_k_experts=2)
        mt.update(num_experts=moe["experts"], base_moe_mlp_dim=moe["f"], num_experts_per_tok=2)
    return {
            "family": "gemma4",
            "model": model,
            "hf_dict": hf_dict,
            "hf": {
                    "text_config": text,
                    "vision_config": {
                            "hidden_size": v["d"], "intermediate_size": v["f"], "num_attention_heads": v["n"],
                            "num_key_value_heads": v["n"], "head_dim": v["d"] // v["n"], "global_head_dim": v["d"] // v["n"],
                            "num_hidden_layers": v["layers"], "position_embedding_size": v["positions"],
                    },
            },
            "mt": mt,
    }  # fmt: skip


def _gemma4_small(model, hf_dict, d, f, n, k, h, gh, layers, period, vocab, padded, ple, shared, double):
    return {
            "family": "gemma4",
            "model": model,
            "scan": (False,),
            "hf_dict": hf_dict,
            "hf": {
                    "text_config": _text(
                            d, f, n, k, h, layers, vocab, global_head_dim=gh,
                            layer_types=["full_attention" if i % period == period - 1 else "sliding_attention" for i in range(layers)],
                            hidden_size_per_layer_input=ple, vocab_size_per_layer_input=vocab, num_kv_shared_layers=shared,
                            use_double_wide_mlp=double,
                    ),
            },
            "mt": _mt(
                    d, f, n, k, h, layers, padded, global_head_dim=gh, hidden_size_per_layer_input=ple,
                    vocab_size_per_layer_input=vocab, num_kv_shared_layers=shared, use_double_wide_mlp=double,
                    use_multimodal=False,
            ),
    }  # fmt: skip


def _qwen(model, d, f, n, k, h, layers, vocab, padded, moe=None, family="qwen3", **more):
    text = _text(d, f, n, k, h, layers, vocab)
    mt = _mt(d, f, n, k, h, layers, padded)
    if moe:
        text.update(num_experts=moe["experts"], moe_intermediate_size=moe["f"], num_experts_per_tok=2)
        mt.update(num_experts=moe["experts"], base_moe_mlp_dim=moe["f"], base_mlp_dim=moe["f"], num_experts_per_tok=2)
    return {"family": family, "model": model, "hf": {"": text}, "mt": mt, **more}


def _qwen3_vl(model, d, f, n, k, h, layers, vocab, padded, v, moe=None, family="qwen3-vl", **more):
    text = _text(d, f, n, k, h, layers, vocab)
    deepstack = v["deepstack"]
    mt = _mt(
            d, f, n, k, h, layers, padded, use_multimodal=True, hidden_size_for_vit=v["d"], intermediate_size_for_vit=v["f"],
            num_attention_heads_for_vit=v["n"], num_hidden_layers_for_vit=v["layers"], patch_size_for_vit=v["patch"],
            image_size_for_vit=v["patch"] * 4, temporal_patch_size_for_vit=2, spatial_merge_size_for_vit=2,
            out_hidden_size_for_vit=d, num_position_embeddings_for_vit=v["positions"],
            deepstack_visual_indexes_for_vit=deepstack, mrope_section=[h // 2 - 2 * (h // 6), h // 6, h // 6],
    )  # fmt: skip
    if moe:
        text.update(num_local_experts=moe["experts"], moe_intermediate_size=moe["f"], num_experts_per_tok=2)
        mt.update(num_experts=moe["experts"], base_moe_mlp_dim=moe["f"], base_mlp_dim=moe["f"], num_experts_per_tok=2)
    return {
            "family": family,
            "model": model,
            "hf": {
                    "text_config": text,
                    "vision_config": {
                            "hidden_size": v["d"], "intermediate_size": v["f"], "num_heads": v["n"], "depth": v["layers"],
                            "patch_size": v["patch"], "out_hidden_size": d, "num_position_embeddings": v["positions"],
                            "deepstack_visual_indexes": deepstack,
                    },
            },
            "mt": mt,
            "shapes": "qwen3_vl",
            **more,
    }  # fmt: skip


def _deepseek(model, d, f, n, layers, dense, vocab, moe_f, experts, shared, kv, nope, rope, vdim, q=None, index=None, hf_dict=None):
    hf = {
            "hidden_size": d, "intermediate_size": f, "num_attention_heads": n, "num_key_value_heads": n,
            "num_hidden_layers": layers, "vocab_size": vocab, "first_k_dense_replace": dense, "moe_intermediate_size": moe_f,
            "n_routed_experts": experts, "n_shared_experts": shared, "num_experts_per_tok": 2, "kv_lora_rank": kv,
            "q_lora_rank": q, "qk_nope_head_dim": nope, "qk_rope_head_dim": rope, "v_head_dim": vdim,
            "n_group": 1, "topk_group": 1,
    }  # fmt: skip
    mt = {
            "base_emb_dim": d, "base_mlp_dim": f, "base_num_query_heads": n, "base_num_kv_heads": n,
            "base_num_decoder_layers": layers, "vocab_size": vocab, "first_num_dense_layers": dense,
            "base_moe_mlp_dim": moe_f, "num_experts": experts, "shared_experts": shared, "num_experts_per_tok": 2,
            "kv_lora_rank": kv, "q_lora_rank": q or 0, "qk_nope_head_dim": nope, "qk_rope_head_dim": rope, "v_head_dim": vdim,
    }  # fmt: skip
    if index:
        hf.update(index_n_heads=index[0], index_head_dim=index[1], index_topk=4)
        mt.update(indexer_n_heads=index[0], indexer_head_dim=index[1], indexer_topk=4)
    return {
            "family": "deepseek", "model": model, "hf_dict": hf_dict, "hf": {"": hf}, "mt": mt,
            "moved_collections": {"MoEBiasVar-": "params-"} if q else None,
    }  # fmt: skip


def _gpt_oss(model, d, f, n, k, h, layers, vocab, experts):
    return {
            "family": "gpt-oss",
            "model": model,
            "hf": {"": _text(d, f, n, k, h, layers, vocab, num_local_experts=experts, num_experts_per_tok=2)},
            "mt": _mt(d, f, n, k, h, layers, vocab, base_moe_mlp_dim=f, num_experts=experts, num_experts_per_tok=2),
    }


def _gdn(hk, hv, dk, dv, conv):
    hf = {
            "linear_num_key_heads": hk, "linear_num_value_heads": hv, "linear_key_head_dim": dk, "linear_value_head_dim": dv,
            "linear_conv_kernel_dim": conv,
    }  # fmt: skip
    mt = {
            "gdn_num_key_heads": hk, "gdn_num_value_heads": hv, "gdn_key_head_dim": dk, "gdn_value_head_dim": dv,
            "gdn_conv_kernel_dim": conv,
    }  # fmt: skip
    return hf, mt


def _qwen3_next(d, n, k, h, layers, cycle, vocab, f, shared_f, experts, gdn):
    hf, mt = _gdn(*gdn)
    return {
            "family": "qwen3-next",
            "model": "qwen3-next-80b-a3b",
            "hf": {
                    "": _text(
                            d, f, n, k, h, layers, vocab, moe_intermediate_size=f, shared_expert_intermediate_size=shared_f,
                            num_experts=experts, num_experts_per_tok=2, full_attention_interval=cycle, **hf,
                    )
            },
            "mt": _mt(
                    d, shared_f, n, k, h, layers, vocab, base_moe_mlp_dim=f, num_experts=experts, num_experts_per_tok=2,
                    inhomogeneous_layer_cycle_interval=cycle, **mt,
            ),
            "shapes": "qwen3_next",
    }  # fmt: skip


def _qwen3_5(model, hf_dict, d, n, k, h, layers, cycle, vocab, f, shared_f, experts, gdn, v=None, **more):
    hf, mt = _gdn(*gdn)
    text = _text(
            d, f, n, k, h, layers, vocab, moe_intermediate_size=f, shared_expert_intermediate_size=shared_f,
            num_experts=experts, num_experts_per_tok=2, full_attention_interval=cycle,
            layer_types=["full_attention" if (i + 1) % cycle == 0 else "linear_attention" for i in range(layers)], **hf,
    )  # fmt: skip
    mt = _mt(
            d, shared_f, n, k, h, layers, vocab, base_moe_mlp_dim=f, num_experts=experts, num_experts_per_tok=2,
            inhomogeneous_layer_cycle_interval=cycle, mrope_section=[1, 1, 1], partial_rotary_factor=0.75,
            **mt,
    )  # fmt: skip
    case = {
            "family": "qwen3.5",
            "model": model,
            "hf_dict": hf_dict,
            "hf": {"text_config": text},
            "mt": mt,
            "shapes": "qwen3_5",
            **more,
    }
    if v:
        case["hf"]["vision_config"] = {
                "hidden_size": v["d"], "intermediate_size": v["f"], "num_heads": v["n"], "depth": v["layers"],
                "patch_size": v["patch"], "out_hidden_size": d, "num_position_embeddings": v["positions"],
        }  # fmt: skip
        mt.update(
                use_multimodal=True, hidden_size_for_vit=v["d"], intermediate_size_for_vit=v["f"],
                num_attention_heads_for_vit=v["n"], num_hidden_layers_for_vit=v["layers"], patch_size_for_vit=v["patch"],
                image_size_for_vit=v["patch"] * 4, temporal_patch_size_for_vit=2, spatial_merge_size_for_vit=2,
                out_hidden_size_for_vit=d, num_position_embeddings_for_vit=v["positions"],
        )  # fmt: skip
    return case


def _mixtral(model, d, f, n, k, h, layers, vocab, experts):
    return {
            "family": "mixtral",
            "model": model,
            "hf": {"": _text(d, f, n, k, h, layers, vocab, num_local_experts=experts, num_experts_per_tok=2)},
            "mt": _mt(d, f, n, k, h, layers, vocab, base_moe_mlp_dim=f, num_experts=experts, num_experts_per_tok=2),
    }


def _olmo3(model, d, f, n, k, h, layers, vocab, padded):
    return {
            "family": "olmo3",
            "model": model,
            "hf": {"": _text(d, f, n, k, h, layers, vocab)},
            "mt": _mt(d, f, n, k, h, layers, padded),
            "shapes": "olmo3",
    }


def _omni(d, n, k, h, layers, vocab, f, experts, v, a):
    case = _qwen3_vl("qwen3-omni-30b-a3b", d, f, n, k, h, layers, vocab, vocab, v, family="qwen3-omni")
    case["mt"].update(
            num_experts=experts, base_moe_mlp_dim=f, num_experts_per_tok=2, use_audio=True, d_model_for_audio=a["d"],
            encoder_attention_heads_for_audio=a["n"], encoder_ffn_dim_for_audio=a["f"], encoder_layers_for_audio=a["layers"],
            num_mel_bins_for_audio=a["mel"], downsample_hidden_size_for_audio=a["down"], output_dim_for_audio=d,
            n_window_for_audio=a["window"], n_window_infer_for_audio=4 * a["window"], max_source_positions_for_audio=24,
            max_sample_len_for_audio=64, conv_chunksize_for_audio=8,
    )  # fmt: skip
    case["hf"] = {
            "thinker_config.text_config": {**case["hf"]["text_config"], "num_experts": experts, "moe_intermediate_size": f},
            "thinker_config.vision_config": case["hf"]["vision_config"],
            "thinker_config.audio_config": {
                    "d_model": a["d"], "encoder_attention_heads": a["n"], "encoder_ffn_dim": a["f"], "encoder_layers": a["layers"],
                    "num_mel_bins": a["mel"], "downsample_hidden_size": a["down"], "output_dim": d, "n_window": a["window"],
            },
    }  # fmt: skip
    case["shapes"] = "omni"
    case["scan"] = (False,)
    return case


def _deepseek4(d, n, h, rope, layers, hashed, ratios, vocab, f, experts, q, o_groups, o_lora, hc, index):
    hf = {
            "hidden_size": d, "num_attention_heads": n, "num_key_value_heads": 1, "head_dim": h, "qk_rope_head_dim": rope,
            "num_hidden_layers": layers, "num_hash_layers": hashed, "compress_ratios": ratios, "vocab_size": vocab,
            "moe_intermediate_size": f, "n_routed_experts": experts, "num_experts_per_tok": 2, "q_lora_rank": q,
            "o_groups": o_groups, "o_lora_rank": o_lora, "hc_mult": hc, "index_n_heads": index[0],
            "index_head_dim": index[1], "index_topk": 4,
    }  # fmt: skip
    mt = {
            "base_emb_dim": d, "base_num_query_heads": n, "base_num_kv_heads": 1, "head_dim": h, "qk_rope_head_dim": rope,
            "base_num_decoder_layers": layers, "first_num_hash_layers": hashed, "compress_ratios": ratios,
            "vocab_size": vocab, "base_mlp_dim": f, "base_moe_mlp_dim": f, "num_experts": experts, "num_experts_per_tok": 2,
            "q_lora_rank": q, "o_groups": o_groups, "o_lora_rank": o_lora, "mhc_expansion_rate": hc,
            "indexer_n_heads": index[0], "indexer_head_dim": index[1], "indexer_topk": 4, "sliding_window_size": 8,
    }  # fmt: skip
    return {
            "family": "deepseek4", "model": "deepseek4-284b", "hf_dict": "deepseek4_284b_dict", "hf": {"": hf}, "mt": mt,
            "dtypes": {r"tid2eid$": "I64"}, "mt_dtypes": {r"tid2eid$": "I32"},
    }  # fmt: skip


# ----------------------------------------------------------------------------
# The table
# ----------------------------------------------------------------------------


def cases():
    c = {}
    # d, f, n, k, h, layers, HF vocab, MaxText vocab, vision d, f, heads, layers, image, patch, multimodal
    # (MaxText's image size for Gemma3 is fixed at 896)
    size = (14, 20, 4, 2, 6, 14, 37, 40, 12, 22, 3, 2, 896, 28)
    c["gemma3-4b"] = _gemma3("gemma3-4b", *size, False)
    c["gemma3-4b-vision"] = _gemma3("gemma3-4b", *size, True)
    size = (18, 26, 4, 2, 10, 12, 31, 31, 12, 22, 3, 1, 896, 28)
    c["gemma3-12b"] = _gemma3("gemma3-12b", *size, False)

    vision = {"d": 12, "n": 2, "f": 26, "layers": 2, "positions": 11}
    moe = {"experts": 3, "f": 9}
    # d, f, n, k, h, global h, global k, layers, HF vocab, MaxText vocab
    size = (14, 20, 4, 2, 8, 16, 1, 12, 37, 40)
    c["gemma4-26b"] = _gemma4("gemma4-26b", "gemma4_26b_dict", *size, vision, moe, multimodal=False)
    c["gemma4-26b-vision"] = _gemma4("gemma4-26b", "gemma4_26b_dict", *size, vision, moe, multimodal=True)
    size = (18, 22, 4, 2, 8, 12, 1, 12, 35, 39)
    c["gemma4-31b"] = _gemma4("gemma4-31b", "gemma4_31b_dict", *size, vision, None, multimodal=False)
    c["gemma4-31b-vision"] = _gemma4("gemma4-31b", "gemma4_31b_dict", *size, vision, None, multimodal=True)
    # d, f, n, k, h, global h, layers, period, HF vocab, MaxText vocab, per-layer input, kv-shared layers, double wide
    size = (14, 20, 4, 1, 8, 16, 10, 5, 37, 40, 6, 4, True)
    c["gemma4-e2b"] = _gemma4_small("gemma4-e2b", "gemma4_e2b_dict", *size)
    size = (18, 26, 4, 2, 8, 12, 12, 6, 35, 39, 10, 5, False)
    c["gemma4-e4b"] = _gemma4_small("gemma4-e4b", "gemma4_e4b_dict", *size)

    # d, f, n, k, h, layers, HF vocab, MaxText vocab
    c["qwen2.5-1.5b"] = _qwen("qwen2.5-1.5b", 24, 20, 4, 2, 6, 3, 37, 40, family="qwen")
    c["qwen2.5-7b"] = _qwen("qwen2.5-7b", 24, 22, 4, 2, 6, 3, 37, 37, family="qwen")
    c["qwen3-0.6b"] = _qwen("qwen3-0.6b", 14, 20, 4, 2, 6, 3, 37, 40, family="qwen")
    c["qwen3-1.7b"] = _qwen("qwen3-1.7b", 14, 20, 4, 2, 6, 2, 37, 37, family="qwen", shape_model="qwen3-0.6b")
    c["qwen3-8b"] = _qwen("qwen3-8b", 14, 20, 4, 2, 8, 3, 37, 37, family="qwen")
    moe = {"experts": 3, "f": 10}
    c["qwen3-30b-a3b"] = _qwen("qwen3-30b-a3b", 14, 20, 4, 2, 6, 2, 37, 37, moe, family="qwen")

    # (MaxText's shape table fixes the patch size at 16, and takes `f` for 4 * d in the mergers)
    vision = {"d": 16, "n": 2, "f": 26, "layers": 4, "patch": 16, "positions": 25, "deepstack": [1, 2]}
    # d, f, n, k, h, layers, HF vocab, MaxText vocab
    size = (14, 20, 4, 2, 12, 3, 37, 40)
    square = {**vision, "f": 4 * vision["d"]}
    c["qwen3-vl-2b"] = _qwen3_vl("qwen3-vl-2b", *size, square, scan=(False,))
    # deepstack and scanned layers exclude each other in MaxText: the scanned layout without deepstack
    c["qwen3-vl-2b-nodeepstack"] = _qwen3_vl("qwen3-vl-2b", *size, {**square, "deepstack": []}, scan=(True, False))
    size = (14, 20, 4, 2, 12, 3, 37, 37)
    c["qwen3-vl-30b-a3b"] = _qwen3_vl("qwen3-vl-30b-a3b", *size, vision, moe, scan=(False,))
    c["weaver-mini"] = _qwen3_vl("weaver-mini", *size, vision, family="weaver", scan=(False,))
    c["weaver-mini"]["shapes"] = "weaver"
    audio = {"d": 20, "n": 2, "f": 18, "layers": 2, "mel": 16, "down": 6, "window": 8}
    c["qwen3-omni-30b-a3b"] = _omni(14, 4, 2, 12, 3, 37, 10, 3, vision, audio)

    # d, f, n, k, h, layers, vocab: heads times head size must differ from d for a strict test
    size = (14, 20, 4, 2, 6, 3, 37)
    c["llama3.1-8b"] = {"family": "llama", "model": "llama3.1-8b", "hf": {"": _text(*size)}, "mt": _mt(*size)}

    # d, f, n, layers, dense layers, vocab, moe f, experts, shared, kv rank, nope, rope, v
    c["deepseek2-16b"] = _deepseek("deepseek2-16b", 28, 20, 4, 4, 1, 37, 10, 3, 2, 9, 6, 4, 7, hf_dict="deepseek2_16b_dict")
    c["deepseek3-671b"] = _deepseek("deepseek3-671b", 14, 20, 4, 5, 3, 37, 10, 3, 1, 9, 6, 4, 7, q=11, hf_dict="deepseek3_671b_dict")
    c["deepseek3.2-671b"] = _deepseek("deepseek3.2-671b", 14, 20, 4, 4, 2, 37, 10, 3, 1, 9, 6, 4, 7, q=11, index=(2, 8),
                                      hf_dict="deepseek32_671b_dict")

    # d, n, h, rope, layers, hashed, ratios, vocab, f, experts, q rank, o groups, o rank, hc, index
    c["deepseek4-284b"] = _deepseek4(14, 4, 8, 4, 7, 3, [0, 0, 4, 128, 4, 128, 4], 37, 10, 3, 9, 2, 5, 2, (2, 6))

    c["gpt-oss-20b"] = _gpt_oss("gpt-oss-20b", 14, 10, 4, 2, 6, 6, 37, 3)
    # d, f, n, k, h, layers, vocab, experts (HF_SHAPE needs d = n * h)
    c["mixtral-8x7b"] = _mixtral("mixtral-8x7b", 24, 20, 4, 2, 6, 3, 37, 5)
    c["olmo3-7b"] = _olmo3("olmo3-7b", 14, 20, 4, 4, 6, 8, 37, 37)
    c["olmo3-32b"] = _olmo3("olmo3-32b", 14, 20, 4, 2, 6, 8, 37, 37)

    # d, n, k, h, layers, cycle, vocab, moe f, shared f, experts, (key heads, value heads, key dim, value dim, conv)
    c["qwen3-next-80b-a3b"] = _qwen3_next(14, 4, 2, 8, 8, 4, 37, 10, 10, 3, (2, 4, 5, 5, 3))
    size = (14, 4, 2, 8, 8, 4, 37, 10, 10, 3, (2, 4, 5, 9, 3))
    c["qwen3.5-35b-a3b"] = _qwen3_5("qwen3.5-35b-a3b", "qwen3_5_35b_a3b_dict", *size)
    c["qwen3.5-35b-a3b-vision"] = _qwen3_5("qwen3.5-35b-a3b", "qwen3_5_35b_a3b_dict", *size, v={**vision, "deepstack": []})
    size = (16, 4, 2, 8, 8, 4, 37, 24, 24, 3, (2, 4, 8, 8, 3))
    c["qwen3.5-35b-a3b-fp8"] = _qwen3_5("qwen3.5-35b-a3b-fp8", "qwen3_5_35b_a3b_dict", *size)
    hf_fp8 = r"(self_attn\.[qkvo]_proj|in_proj_qkv|in_proj_z|linear_attn\.out_proj|experts?\.(\d+\.)?(gate|up|down)_proj)\.weight$"
    mt_fp8 = (r"(attention\.(query|key|value|out)\.kernel|in_proj_qkvz\.kernel|out_proj\.kernel|routed_experts\.w[io](_[01])?|"
              r"shared_expert\.w[io](_[01])?\.kernel)$")
    c["qwen3.5-35b-a3b-fp8"].update(weight_dtype="float8_e4m3fn", save_dtype="float8_e4m3fn", fp8_block=8,
                                    dtypes={hf_fp8: "F8_E4M3"}, mt_dtypes={mt_fp8: "F8_E4M3"})
    c["qwen3.5-35b-a3b-fp8"]["mt"].update(weight_block_size=8)
    return c
