"""The engine's kernels under JAX, for samplers that trace the graph with JAX.

JAX calls the compiled kernels on the host (``jax.pure_callback``) and differentiates through the
hand-written adjoint (``jax.custom_vjp``). Install the extra ``[jax]``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from liqbayes.errors import SamplingError


def register() -> None:
    """Teach PyTensor's JAX backend the kernels; repeated calls do nothing new.

    Raises
    ------
    SamplingError
        If JAX is not installed.
    """
    try:
        import jax
        from pytensor.link.jax.dispatch.basic import jax_funcify
    except ImportError as error:
        raise SamplingError(
            f"JAX is not installed ({error}); install liqbayes[jax] to sample with numpyro."
        ) from error
    from liqbayes.model.ops import KernelOp

    jax.config.update("jax_enable_x64", True)

    @jax_funcify.register(KernelOp)
    def _funcify(op: KernelOp, node: Any = None, **kwargs: Any) -> Callable[..., Any]:
        return _kernel_in_jax(op)


def _kernel_in_jax(op: Any) -> Callable[..., Any]:
    import jax

    from liqbayes.model.ops import evaluate

    n = op.kernel.n_inputs
    out_types = tuple(jax.ShapeDtypeStruct(shape, np.float64) for shape in op.shapes)

    def host_forward(*inputs: Any) -> tuple[Any, ...]:
        return evaluate(op.kernel.forward, op.places, [np.asarray(x) for x in inputs])

    def host_reverse(*inputs: Any) -> tuple[Any, ...]:
        values = evaluate(op.kernel.reverse, op.places, [np.asarray(x) for x in inputs])
        return tuple(np.asarray(v) for v in values)

    @jax.custom_vjp
    def run(*inputs: Any) -> Any:
        return jax.pure_callback(host_forward, out_types, *inputs, vmap_method="sequential")

    def run_forward(*inputs: Any) -> Any:
        outputs = run(*inputs)
        return outputs, (outputs, inputs)

    def run_reverse(saved: Any, cotangents: Any) -> Any:
        outputs, inputs = saved
        types = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in inputs[:n])
        given = jax.pure_callback(
            host_reverse,
            types,
            *cotangents[: op.kernel.n_outputs],
            *outputs,
            *inputs,
            vmap_method="sequential",
        )
        reals, integers = inputs[n:]
        return (*given, jax.numpy.zeros_like(reals), np.zeros(integers.shape, jax.dtypes.float0))

    run.defvjp(run_forward, run_reverse)

    def call(*inputs: Any) -> Any:
        outputs = run(*inputs)
        return outputs[0] if len(op.kernel.output_ndims) == 1 else outputs

    return call
