# The function's image: made here from lambda_src/ unless the caller names one in image_uri.

locals {
  # What decides how many of a resource there are must be known before an apply, and an image's name may not be.
  builds_image = var.create && (var.build_image != null ? var.build_image : var.image_uri == null)

  # The one home of the architecture: everything that needs to know it in another spelling looks here.
  architecture = {
    arm64  = { platform = "linux/arm64", wheel_machine = "aarch64" }
    x86_64 = { platform = "linux/amd64", wheel_machine = "x86_64" }
  }[var.architecture]

  # Exactly what ships, by explicit patterns, so that byte code, editor files and the like never change the hash.
  # .dockerignore lets the same files through and nothing else (a test compares the two).
  source_dir = "${path.module}/lambda_src"
  source_files = concat(
    [".dockerignore", "Dockerfile", "pyproject.toml", "requirements.txt"],
    sort(fileset(local.source_dir, "ecr_cleaner/**/*.py")),
    sort(fileset(local.source_dir, "ecr_cleaner/report/assets/*")),
  )

  build_arguments = merge(
    {
      BASE_IMAGE    = var.base_image
      WHEEL_MACHINE = local.architecture.wheel_machine
    },
    var.package_index_url == null ? {} : { PIP_INDEX_URL = var.package_index_url },
  )

  # Everything that shapes the image.
  image_hash = sha256(jsonencode({
    files           = { for name in local.source_files : name => filesha256("${local.source_dir}/${name}") }
    architecture    = var.architecture
    base_image      = var.base_image
    build_arguments = local.build_arguments
    rebuild         = var.rebuild
  }))

  # The tag of the last image in the repository, if it was built of just that; else one that never was. So an image that is
  # gone, and a repository made anew, lead to a new build, and the function is told of it: under the same tag it would stay
  # with an image that no longer exists. As tags are immutable here, this one is the pin.
  image_tag = local.builds_image ? try(
    [for tag in data.aws_ecr_repository.function[0].most_recent_image_tags : tag if startswith(tag, local.image_hash)][0],
    "${local.image_hash}-${formatdate("YYYYMMDDhhmmss", plantimestamp())}"
  ) : null

  # Through the build, so that the function waits for it.
  function_image_uri = local.builds_image ? terraform_data.image_build[0].triggers_replace.image_uri : var.image_uri
}

# No lifecycle policy: none can know which image is running.
resource "aws_ecr_repository" "function" {
  count = local.builds_image ? 1 : 0

  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true
  # Never opted in, not even by the provider's default_tags.
  tags = merge(var.tags, { BoxCleanerEnabled = "false" })

  encryption_configuration {
    encryption_type = var.kms_key_arn == null ? "AES256" : "KMS"
    kms_key         = var.kms_key_arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

# Lambda would add this statement itself for a caller who may change the policy; this way the caller need not, and no
# change appears out of band. Without it, a function that slept for weeks cannot fetch its image again.
resource "aws_ecr_repository_policy" "function" {
  count = local.builds_image ? 1 : 0

  # Not by its name: of a repository that is made anew, the policy has to be made anew.
  repository = aws_ecr_repository.function[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LambdaECRImageRetrievalPolicy"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Condition = {
        StringLike = {
          "aws:sourceArn" = "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:*"
        }
      }
    }]
  })
}

# Reads the tags of the image that was pushed last; of a repository that is yet to be made, when it has been. An image that is
# gone is no error here, so that it breaks neither plan nor destroy.
data "aws_ecr_repository" "function" {
  count = local.builds_image ? 1 : 0

  name = aws_ecr_repository.function[0].id
}

# The credentials follow the provider's identity, whatever the shell is logged in to.
data "aws_ecr_authorization_token" "function" {
  count = local.builds_image ? 1 : 0
}

resource "terraform_data" "image_build" {
  count = local.builds_image ? 1 : 0

  triggers_replace = {
    image_uri = "${aws_ecr_repository.function[0].repository_url}:${local.image_tag}"
    # Apart from the URI, because a first plan does not know that one yet.
    hash = local.image_hash
  }

  provisioner "local-exec" {
    # A plain shell and one file: nothing is interpolated into shell code.
    interpreter = ["/bin/sh"]
    command     = "${path.module}/scripts/build-image.sh"

    environment = {
      IMAGE_URI         = self.triggers_replace.image_uri
      SOURCE_DIR        = local.source_dir
      PLATFORM          = local.architecture.platform
      BUILD_ARGUMENTS   = join("\n", [for name, value in local.build_arguments : "${name}=${value}"])
      CONTAINER_TOOL    = var.container_tool
      PULL_BASE         = var.rebuild == null ? "" : "yes"
      REGISTRY_ENDPOINT = data.aws_ecr_authorization_token.function[0].proxy_endpoint
      LOG_DIR           = "${path.root}/.ecr-cleaner-build"

      # Terraform hides a provisioner's whole output when any of its values is sensitive, and with it where the log is
      # and why a build failed. It never prints the environment, and the script never prints the token.
      REGISTRY_TOKEN = nonsensitive(data.aws_ecr_authorization_token.function[0].authorization_token)
    }
  }
}
