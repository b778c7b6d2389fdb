# ALLScope with its model: docker build -t allscope .   (docs/deploy.md)
FROM python:3.13-slim

# Where PyTorch's CPU wheels come from. Empty: the builds for NVIDIA cards that the lock names.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 ALLSCOPE_HOME=/var/lib/allscope ALLSCOPE_HOST=0.0.0.0 \
    STREAMLIT_SERVER_HEADLESS=true
WORKDIR /app

# All but PyTorch comes with the hashes of the lock. Its CPU wheels stand on an index of their own,
# whose hashes the lock does not have; with them the lock's CUDA packages are left out. Headers of
# PyTorch are for compilers, and there is none.
COPY requirements.lock ./
RUN cp requirements.lock /tmp/locked.txt \
    && if [ -n "$TORCH_INDEX" ]; then \
         grep -oE '^(torch|torchvision)==[^ ;]+' requirements.lock >/tmp/torch.txt \
         && pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" -r /tmp/torch.txt \
         && awk '/^[a-z]/ { cut = /^(torch|torchvision|triton|nvidia-[a-z0-9-]*|cuda-[a-z]*)==/ } !cut' \
            requirements.lock >/tmp/locked.txt; \
       fi \
    && pip install --no-cache-dir --no-deps --require-hashes -r /tmp/locked.txt \
    && pip check \
    && rm -rf /tmp/*.txt /usr/local/lib/python3*/site-packages/torch/include

COPY . .
RUN useradd --system --uid 10001 --home-dir "$ALLSCOPE_HOME" --create-home allscope
USER allscope
VOLUME ["/var/lib/allscope"]
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["python", "-m", "allcore.web.serve", "--port=8501"]
