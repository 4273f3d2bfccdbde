// Stands in for NVIDIA's libcudart, libcublas and libcuda where there is no GPU, so that ggml's CUDA
// backend runs on any machine: memory and copies are real, kernels and matrix products do nothing.
// What it is asked for goes to the file $RECORDER_LOG, a line each:
//
//   kernel NAME                    one that is launched
//   product TYPE TYPE M N K xCOUNT a matrix product of cuBLAS, by its factors' types and sizes, and
//                                  how many of them it is
//   copy HtoD|DtoH|DtoD BYTES      in the order of the backend's queue, or with "aside" past it
//   wait                           the host waits for the queue
//   memory USED PEAK               bytes of device memory, whenever they change
//   race WHAT                      a copy past the queue of what a queued kernel uses
//   invalid NAME ...               a launch that a GPU would refuse
//
// Properties of the GPU: $RECORDER_CC (its compute capability, 90), $RECORDER_SM (multiprocessors,
// 132), $RECORDER_GB (memory, 24). With $RECORDER_DROP the contents of large copies are left out.
// With $RECORDER_EXPERTS what is read in the queue's order are the numbers of so many experts in turn:
// ggml looks which experts a token goes to, where it can't leave that to a kernel.
// See bench/cuda-calls.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

typedef int status;  // 0: success
typedef struct { unsigned x, y, z; } dim3;

// The first fields of cudaDeviceProp in CUDA 13, and where sharedMemPerBlockOptin is.
struct properties {
  char name[256], uuid[16], luid[8];
  unsigned node_mask;
  size_t memory, shared_per_block;
  int registers, warp;
  size_t pitch;
  int threads, block[3], grid[3];
  size_t constants;
  int major, minor;
  size_t alignment, pitch_alignment;
  int multiprocessors;
};
enum { SHARED_OPTIN = 672 };

static FILE *log_file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t total, used, peak;
static int dropping;

static long setting(const char *name, long otherwise) {
  const char *value = getenv(name);
  return value ? atol(value) : otherwise;
}

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("RECORDER_LOG");
  log_file = fopen(path ? path : "/dev/null", "w");
  total = setting("RECORDER_GB", 24) * 1000000000L;
  dropping = getenv("RECORDER_DROP") != NULL;
}

#define RECORD(...) do { pthread_mutex_lock(&lock); fprintf(log_file, __VA_ARGS__); pthread_mutex_unlock(&lock); } while (0)

// ---- memory -------------------------------------------------------------------------------------

enum { MOST_BLOCKS = 1 << 14 };
static struct { char *start; size_t bytes; } blocks[MOST_BLOCKS];
static int block_count = 1;  // block 0 is never used

static void count(long bytes) {
  used += bytes;
  if (used > peak) peak = used;
  RECORD("memory %zu %zu\n", used, peak);
}

static void *reserve(size_t bytes) {
  return mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

// Remembers a block of the device's memory.
static void remember(char *start, size_t bytes) {
  pthread_mutex_lock(&lock);
  int i = 1;
  while (i < MOST_BLOCKS - 1 && blocks[i].start) i++;
  if (i == block_count) block_count++;
  blocks[i].start = start;
  blocks[i].bytes = bytes;
  pthread_mutex_unlock(&lock);
}

static int block_of(const void *pointer) {
  const char *p = pointer;
  for (int i = 1; i < block_count; i++)
    if (blocks[i].start && p >= blocks[i].start && p < blocks[i].start + blocks[i].bytes) return i;
  return 0;
}

status cudaMalloc(void **p, size_t bytes) {
  if (used + bytes > total) return 2;  // cudaErrorMemoryAllocation
  remember(*p = reserve(bytes), bytes);
  count(bytes);
  return 0;
}
status cudaMallocManaged(void **p, size_t bytes, unsigned flags) { return cudaMalloc(p, bytes); }

// Gives an address range back, and says how many bytes it had.
static size_t forget(void *p) {
  int i = block_of(p);
  if (!i) return 0;
  size_t bytes = blocks[i].bytes;
  blocks[i].start = NULL;
  munmap(p, bytes);
  return bytes;
}

status cudaFree(void *p) { count(-(long) forget(p)); return 0; }

status cudaMallocHost(void **p, size_t bytes) { *p = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096); return 0; }
status cudaHostAlloc(void **p, size_t bytes, unsigned flags) { return cudaMallocHost(p, bytes); }
status cudaFreeHost(void *p) { free(p); return 0; }
status cudaHostGetDevicePointer(void **device, void *host, unsigned flags) { *device = host; return 0; }
status cudaHostRegister(void *p, size_t bytes, unsigned flags) { return 0; }
status cudaHostUnregister(void *p) { return 0; }
status cudaMemGetInfo(size_t *free, size_t *all) { *all = total; *free = total - used; return 0; }

// The pool that ggml's operations take memory from as they need it.
status cuMemGetAllocationGranularity(size_t *bytes, const void *properties, int option) { *bytes = 2 << 20; return 0; }
status cuMemAddressReserve(unsigned long long *p, size_t bytes, size_t alignment, unsigned long long at, unsigned long long flags) {
  remember((char *) (*p = (unsigned long long) reserve(bytes)), bytes);
  return 0;
}
status cuMemAddressFree(unsigned long long p, size_t bytes) { forget((void *) p); return 0; }
status cuMemCreate(unsigned long long *handle, size_t bytes, const void *properties, unsigned long long flags) { *handle = bytes; count(bytes); return 0; }
status cuMemMap(unsigned long long p, size_t bytes, size_t offset, unsigned long long handle, unsigned long long flags) { return 0; }
status cuMemUnmap(unsigned long long p, size_t bytes) { count(-(long) bytes); return 0; }
status cuMemRelease(unsigned long long handle) { return 0; }
status cuMemSetAccess(unsigned long long p, size_t bytes, const void *access, size_t n) { return 0; }

// ---- what is queued -----------------------------------------------------------------------------

enum { MOST_PENDING = 1 << 20 };
static const char *pending[MOST_PENDING];
static int pending_count;

// A stream that was made by cudaStreamCreateWithFlags, rather than a thread's own.
static int is_queue(void *stream) { return (unsigned long) stream >= 0x1000; }

static void use(const void *pointer) {
  if (pending_count < MOST_PENDING && block_of(pointer)) pending[pending_count++] = pointer;
}

// Reads what may be no pointer.
static int peek(const void *from, void *to) {
  struct iovec local = {to, sizeof(void *)}, remote = {(void *) from, sizeof(void *)};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == sizeof(void *);
}

static void touch(const void *memory, size_t bytes, const char *what, void *stream) {
  if (is_queue(stream)) {
    use(memory);
    return;
  }
  const char *p = memory;
  for (int i = 0; i < pending_count; i++)
    if (pending[i] >= p && pending[i] < p + bytes) {
      RECORD("race %s of %zu bytes\n", what, bytes);
      return;
    }
}

status cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) {
  static const char *names[] = {"HtoH", "HtoD", "DtoH", "DtoD", "?"};
  touch(to, bytes, names[kind], stream);
  touch(from, bytes, names[kind], stream);
  RECORD("copy %s %zu%s\n", names[kind], bytes, is_queue(stream) ? "" : " aside");
  long experts = kind == 2 && is_queue(stream) ? setting("RECORDER_EXPERTS", 0) : 0;
  if (experts)
    for (size_t i = 0; i < bytes / sizeof(int); i++) ((int *) to)[i] = i % experts;
  else if (!(dropping && bytes > 1000000))
    memmove(to, from, bytes);
  return 0;
}
status cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, int kind, void *stream) {
  for (size_t i = 0; i < height; i++)
    memmove((char *) to + i * to_pitch, (const char *) from + i * from_pitch, width);
  RECORD("copy DtoD %zu\n", width * height);
  return 0;
}
status cudaMemcpyPeerAsync(void *to, int a, const void *from, int b, size_t bytes, void *stream) { return cudaMemcpyAsync(to, from, bytes, 3, stream); }
status cudaMemsetAsync(void *p, int value, size_t bytes, void *stream) {
  touch(p, bytes, "set", stream);
  if (!dropping) memset(p, value, bytes);
  return 0;
}
status cudaMemset(void *p, int value, size_t bytes) { return cudaMemsetAsync(p, value, bytes, NULL); }

static status wait_for_all(void) { pending_count = 0; RECORD("wait\n"); return 0; }
status cudaDeviceSynchronize(void) { return wait_for_all(); }
status cudaStreamSynchronize(void *stream) { return is_queue(stream) ? wait_for_all() : 0; }
status cudaStreamCreateWithFlags(void **stream, unsigned flags) { static long n; *stream = (void *) (0x1000 + 16 * ++n); return 0; }
status cudaStreamDestroy(void *stream) { return 0; }
status cudaStreamWaitEvent(void *stream, void *event, unsigned flags) { return 0; }
status cudaEventCreateWithFlags(void **event, unsigned flags) { *event = malloc(1); return 0; }
status cudaEventDestroy(void *event) { free(event); return 0; }
status cudaEventRecord(void *event, void *stream) { return 0; }
status cudaEventSynchronize(void *event) { return 0; }

// ---- kernels ------------------------------------------------------------------------------------

enum { MOST_KERNELS = 1 << 17 };
static struct { const void *function; const char *name; } kernels[MOST_KERNELS];

static int slot(const void *function) {
  unsigned long i = ((unsigned long) function >> 4) * 2654435761u % MOST_KERNELS;
  while (kernels[i].function && kernels[i].function != function) i = (i + 1) % MOST_KERNELS;
  return i;
}

void **__cudaRegisterFatBinary(void *binary) { static void *handle; return &handle; }
void __cudaRegisterFatBinaryEnd(void **handle) {}
void __cudaUnregisterFatBinary(void **handle) {}
void __cudaRegisterVar(void **handle, char *host, char *device, const char *name, int external, size_t size, int constant, int global) {}
void __cudaRegisterFunction(void **handle, const char *function, char *device, const char *name, int threads, void *a, void *b, void *c, void *d, int *e) {
  int i = slot(function);
  kernels[i].function = function;
  kernels[i].name = name;
}
status __cudaGetKernel(const void **kernel, const void *function) { *kernel = function; return 0; }

static __thread struct { dim3 grid, block; size_t shared; void *stream; } configurations[16];
static __thread int depth;
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, void *stream) {
  configurations[depth].grid = grid;
  configurations[depth].block = block;
  configurations[depth].shared = shared;
  configurations[depth++].stream = stream;
  return 0;
}
status __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void **stream) {
  *grid = configurations[--depth].grid;
  *block = configurations[depth].block;
  *shared = configurations[depth].shared;
  *stream = configurations[depth].stream;
  return 0;
}

static int is_valid(dim3 grid, dim3 block, size_t shared) {
  return grid.x && grid.y && grid.z && grid.x < 1u << 31 && grid.y < 1 << 16 && grid.z < 1 << 16 &&
         block.x && block.y && block.z && block.x * block.y * block.z <= 1024 && shared <= 99 << 10;
}

// How many arguments there are isn't known; the tensors' pointers come first.
static status launch(const void *function, dim3 grid, dim3 block, size_t shared, void **arguments) {
  for (int i = 0; i < 4; i++) {
    void *argument, *value;
    if (!peek(&arguments[i], &argument) || !peek(argument, &value)) break;
    use(value);
  }
  const char *name = kernels[slot(function)].name;
  if (!is_valid(grid, block, shared))
    RECORD("invalid %s grid %u %u %u block %u %u %u shared %zu\n", name, grid.x, grid.y, grid.z, block.x, block.y, block.z, shared);
  RECORD("kernel %s\n", name ? name : "?");
  return 0;
}
status __cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **arguments, size_t shared, void *stream) { return launch(kernel, grid, block, shared, arguments); }
status cudaLaunchCooperativeKernel(const void *function, dim3 grid, dim3 block, void **arguments, size_t shared, void *stream) { return launch(function, grid, block, shared, arguments); }
struct configuration { dim3 grid, block; size_t shared; };
status cudaLaunchKernelExC(const struct configuration *c, const void *function, void **arguments) { return launch(function, c->grid, c->block, c->shared, arguments); }

// A captured graph is replayed as one kernel.
static int capturing;
status cudaStreamBeginCapture(void *stream, int mode) { capturing = 1; return 0; }
status cudaStreamEndCapture(void *stream, void **graph) { capturing = 0; *graph = malloc(1); return 0; }
status cudaStreamIsCapturing(void *stream, int *yes) { *yes = capturing; return 0; }
status cudaGraphInstantiate(void **instance, void *graph, unsigned long long flags) { *instance = malloc(1); return 0; }
status cudaGraphExecUpdate(void *instance, void *graph, void *result) { return 0; }
status cudaGraphLaunch(void *instance, void *stream) { RECORD("kernel captured graph\n"); return 0; }
status cudaGraphDestroy(void *graph) { free(graph); return 0; }
status cudaGraphExecDestroy(void *instance) { free(instance); return 0; }

// ---- matrix products ----------------------------------------------------------------------------

static status product(const void *a, int a_type, const void *b, int b_type, const void *c, int m, int n, int k, int batch) {
  const char *types[] = {[0] = "F32", [2] = "F16", [14] = "BF16"};
  use(a);
  use(b);
  use(c);
  RECORD("product %s %s %d %d %d x%d\n", types[a_type], types[b_type], m, n, k, batch);
  return 0;
}
status cublasSgemm_v2(void *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc) { return product(a, 0, b, 0, c, m, n, k, 1); }
status cublasGemmEx(void *h, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int at, int lda, const void *b, int bt, int ldb, const void *beta, void *c, int ct, int ldc, int compute, int algorithm) { return product(a, at, b, bt, c, m, n, k, 1); }
status cublasGemmStridedBatchedEx(void *h, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int at, int lda, long long sa, const void *b, int bt, int ldb, long long sb, const void *beta, void *c, int ct, int ldc, long long sc, int batch, int compute, int algorithm) { return product(a, at, b, bt, c, m, n, k, batch); }
status cublasGemmBatchedEx(void *h, int ta, int tb, int m, int n, int k, const void *alpha, const void *const *a, int at, int lda, const void *const *b, int bt, int ldb, const void *beta, void *const *c, int ct, int ldc, int batch, int compute, int algorithm) { return product(a, at, b, bt, c, m, n, k, batch); }
status cublasSgemmBatched(void *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *const *a, int lda, const float *const *b, int ldb, const float *beta, float *const *c, int ldc, int batch) { return product(a, 0, b, 0, c, m, n, k, batch); }
status cublasSgemmStridedBatched(void *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda, long long sa, const float *b, int ldb, long long sb, const float *beta, float *c, int ldc, long long sc, int batch) { return product(a, 0, b, 0, c, m, n, k, batch); }
status cublasStrsmBatched(void *h) { return 0; }
status cublasCreate_v2(void **h) { *h = malloc(1); return 0; }
status cublasDestroy_v2(void *h) { free(h); return 0; }
status cublasSetMathMode(void *h, int mode) { return 0; }
status cublasSetStream_v2(void *h, void *stream) { return 0; }
status cublasSetWorkspace_v2(void *h, void *workspace, size_t bytes) { return 0; }
const char *cublasGetStatusString(status s) { return "recorded"; }

// ---- the device ---------------------------------------------------------------------------------

status cudaGetDeviceProperties(struct properties *p, int device) {
  int cc = setting("RECORDER_CC", 90);
  strcpy(p->name, "none, what it is asked for is recorded");
  p->memory = total;
  p->shared_per_block = 48 << 10;
  p->registers = 65536;
  p->warp = 32;
  p->threads = 1024;
  p->major = cc / 10;
  p->minor = cc % 10;
  p->multiprocessors = setting("RECORDER_SM", 132);
  *(size_t *) ((char *) p + SHARED_OPTIN) = 99 << 10;
  return 0;
}
status cudaGetDeviceCount(int *n) { *n = 1; return 0; }
status cudaGetDevice(int *device) { *device = 0; return 0; }
status cudaSetDevice(int device) { return 0; }
status cudaSetDeviceFlags(unsigned flags) { return 0; }
status cudaDeviceCanAccessPeer(int *yes, int a, int b) { *yes = 0; return 0; }
status cudaDeviceEnablePeerAccess(int device, unsigned flags) { return 0; }
status cudaDeviceGetAttribute(int *value, int attribute, int device) { *value = 1; return 0; }
status cudaDeviceGetPCIBusId(char *id, int length, int device) { snprintf(id, length, "0000:01:00.0"); return 0; }
status cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
status cuDeviceGetAttribute(int *value, int attribute, int device) { *value = 1; return 0; }
status cuGetErrorString(status s, const char **text) { *text = "recorded"; return 0; }
status cudaFuncSetAttribute(const void *function, int attribute, int value) { return 0; }
status cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *n, const void *function, int threads, size_t shared, unsigned flags) { *n = 2; return 0; }
status cudaFuncGetAttributes(int *attributes, const void *function) {
  memset(attributes, 0, 56);
  attributes[6] = 1024;                             // maxThreadsPerBlock
  attributes[8] = attributes[9] = setting("RECORDER_CC", 90);  // ptxVersion, binaryVersion
  return 0;
}
const char *cudaGetErrorString(status s) { return "recorded"; }
status cudaGetLastError(void) { return 0; }
status cudaPeekAtLastError(void) { return 0; }
