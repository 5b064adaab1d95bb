"""The sandbox's ECR is as strict as ECR: a lenient fake hides the bugs that delete production."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox


REPOSITORY = "shop/api"


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """An account with one repository."""
    running.reset()
    running.repository(REPOSITORY, tags={"BoxCleanerEnabled": "true"})
    return running


def describe(sandbox: Sandbox, **options: Any) -> dict[str, Any]:
    """DescribeImages on the repository."""
    answer: dict[str, Any] = sandbox.client("ecr").describe_images(repositoryName=REPOSITORY, **options)
    return answer


def delete(sandbox: Sandbox, *ids: dict[str, str]) -> list[str]:
    """BatchDeleteImage on the repository; the codes of its failures."""
    answer = sandbox.client("ecr").batch_delete_image(repositoryName=REPOSITORY, imageIds=list(ids))
    return [failure["failureCode"] for failure in answer["failures"]]


def digests(sandbox: Sandbox) -> set[str]:
    """What is there."""
    return {image.digest for image in sandbox.images(REPOSITORY)}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    """The error code of a failed call."""
    return str(error.value.response["Error"]["Code"])


def test_a_page_holds_100_images_unless_asked(sandbox: Sandbox) -> None:
    """DescribeImages: 100 by default, 1,000 at most."""
    for _ in range(101):
        sandbox.push(REPOSITORY)
    first = describe(sandbox)
    assert len(first["imageDetails"]) == 100
    assert len(describe(sandbox, nextToken=first["nextToken"])["imageDetails"]) == 1
    assert "nextToken" not in describe(sandbox, maxResults=1000)
    with pytest.raises(ClientError) as error:
        describe(sandbox, maxResults=1001)
    assert code(error) == "InvalidParameterException"


def test_a_page_token_is_a_cursor(sandbox: Sandbox) -> None:
    """What is removed between two pages hides nothing of the second."""
    for _ in range(6):
        sandbox.push(REPOSITORY)
    first = describe(sandbox, maxResults=3)
    for item in first["imageDetails"]:
        sandbox.remove(REPOSITORY, item["imageDigest"])
    second = describe(sandbox, maxResults=3, nextToken=first["nextToken"])
    assert {item["imageDigest"] for item in second["imageDetails"]} == digests(sandbox)


def test_a_page_token_belongs_to_its_question(sandbox: Sandbox) -> None:
    """A token with another filter, or one that is none at all, is refused."""
    for _ in range(3):
        sandbox.push(REPOSITORY)
    token = describe(sandbox, maxResults=1)["nextToken"]
    for wrong in ({"nextToken": token, "filter": {"imageStatus": "ANY"}}, {"nextToken": "1"}):
        with pytest.raises(ClientError) as error:
            describe(sandbox, **wrong)
        assert code(error) == "InvalidParameterException"


def test_ids_exclude_paging_and_are_at_most_100(sandbox: Sandbox) -> None:
    """DescribeImages with ids takes neither token nor limit."""
    digest = sandbox.push(REPOSITORY)
    with pytest.raises(ClientError) as error:
        describe(sandbox, imageIds=[{"imageDigest": digest}], maxResults=5)
    assert code(error) == "InvalidParameterException"
    with pytest.raises(ClientError) as error:
        describe(sandbox, imageIds=[{"imageTag": f"v{number}"} for number in range(101)])
    assert code(error) == "InvalidParameterException"


def test_one_missing_id_fails_the_whole_description(sandbox: Sandbox) -> None:
    """ImageNotFoundException although the other image is there."""
    sandbox.push(REPOSITORY, tags=["v1"])
    with pytest.raises(ClientError) as error:
        describe(sandbox, imageIds=[{"imageTag": "v1"}, {"imageTag": "v2"}])
    assert code(error) == "ImageNotFoundException"


def test_archived_images_are_shown_only_when_asked_for(sandbox: Sandbox) -> None:
    """filter.imageStatus defaults to ACTIVE."""
    sandbox.push(REPOSITORY, status="ARCHIVED", pushed="400d", archived="200d")
    assert describe(sandbox)["imageDetails"] == []
    (item,) = describe(sandbox, filter={"imageStatus": "ANY"})["imageDetails"]
    assert item["imageStatus"] == "ARCHIVED"
    assert "lastArchivedAt" in item


def test_what_an_image_does_not_have_is_absent(sandbox: Sandbox) -> None:
    """No empty imageTags, no null pull time."""
    sandbox.push(REPOSITORY)
    (item,) = describe(sandbox)["imageDetails"]
    assert not {"imageTags", "lastRecordedPullTime", "subjectManifestDigest", "lastArchivedAt"} & set(item)


def test_the_filter_on_tags(sandbox: Sandbox) -> None:
    """TAGGED and UNTAGGED divide the images."""
    tagged, untagged = sandbox.push(REPOSITORY, tags=["v1"]), sandbox.push(REPOSITORY)
    for status, digest in (("TAGGED", tagged), ("UNTAGGED", untagged)):
        (item,) = describe(sandbox, filter={"tagStatus": status})["imageDetails"]
        assert item["imageDigest"] == digest


def test_list_images_has_one_entry_per_tag(sandbox: Sandbox) -> None:
    """Two tags are two entries, none is one entry without a tag."""
    twice, never = sandbox.push(REPOSITORY, tags=["a", "b"]), sandbox.push(REPOSITORY)
    ids = sandbox.client("ecr").list_images(repositoryName=REPOSITORY)["imageIds"]
    entries = sorted((item["imageDigest"], item.get("imageTag", "")) for item in ids)
    assert entries == sorted([(twice, "a"), (twice, "b"), (never, "")])


def test_a_tag_moves_to_the_image_pushed_last(sandbox: Sandbox) -> None:
    """The image that had it stays, untagged."""
    old = sandbox.push(REPOSITORY, tags=["live"], pushed="9d")
    new = sandbox.push(REPOSITORY, tags=["live"])
    assert [(image.digest, image.tags) for image in sandbox.images(REPOSITORY)] == [(old, []), (new, ["live"])]


def test_an_index_is_a_real_manifest(sandbox: Sandbox) -> None:
    """Its digest is the hash of its bytes; it lists its platforms and their attestations; its size is the greatest."""
    digest = sandbox.push(
        REPOSITORY, id="app", kind="index", platforms=["linux/amd64", "linux/arm64/v8"], attestations=True
    )
    (got,) = sandbox.client("ecr").batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])[
        "images"
    ]
    entries = json.loads(got["imageManifest"])["manifests"]
    names = ["app/linux/amd64", "app/linux/amd64/attestation", "app/linux/arm64/v8", "app/linux/arm64/v8/attestation"]
    assert [entry["digest"] for entry in entries] == [sandbox.digest(name) for name in names]
    assert entries[2]["platform"] == {"os": "linux", "architecture": "arm64", "variant": "v8"}
    assert entries[3]["annotations"]["vnd.docker.reference.digest"] == entries[2]["digest"]
    (shown,) = describe(sandbox, imageIds=[{"imageDigest": digest}])["imageDetails"]
    assert shown["imageSizeInBytes"] == max(image.size for image in sandbox.images(REPOSITORY))
    assert "artifactMediaType" not in shown


def test_digests_are_the_same_every_time(sandbox: Sandbox) -> None:
    """They follow from repository and id, or from `content`, which two repositories may share."""
    digest = sandbox.push(REPOSITORY, id="x", tags=["v1"])
    shared = sandbox.push(REPOSITORY, content="promoted")
    sandbox.reset()
    sandbox.repository(REPOSITORY)
    sandbox.repository("shop/copy")
    assert sandbox.push(REPOSITORY, id="x") == digest
    assert sandbox.push("shop/copy", content="promoted") == shared


def test_reading_a_manifest_is_a_pull(sandbox: Sandbox) -> None:
    """BatchGetImage moves lastRecordedPullTime, unless the caller is excluded."""
    digest = sandbox.push(REPOSITORY)
    sandbox.state.records_pulls = False
    sandbox.client("ecr").batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])
    assert sandbox.images(REPOSITORY)[0].pulled_at is None
    sandbox.state.records_pulls = True
    sandbox.client("ecr").batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])
    assert sandbox.images(REPOSITORY)[0].pulled_at is not None


def test_manifests_that_cannot_be_read_are_failures(sandbox: Sandbox) -> None:
    """Missing, archived, or of a media type that is not accepted."""
    ids = [
        {"imageTag": "none"},
        {"imageDigest": sandbox.push(REPOSITORY, status="ARCHIVED")},
        {"imageDigest": sandbox.push(REPOSITORY)},
    ]
    answer = sandbox.client("ecr").batch_get_image(
        repositoryName=REPOSITORY, imageIds=ids, acceptedMediaTypes=["application/vnd.oci.image.index.v1+json"]
    )
    codes = [failure["failureCode"] for failure in answer["failures"]]
    assert (answer["images"], codes) == ([], ["ImageNotFound", "ImageInaccessible", "ImageNotFound"])


def test_deleting_by_digest_takes_all_tags(sandbox: Sandbox) -> None:
    """One id per tag comes back."""
    digest = sandbox.push(REPOSITORY, tags=["a", "b"])
    answer = sandbox.client("ecr").batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])
    assert {item["imageTag"] for item in answer["imageIds"]} == {"a", "b"}
    assert digests(sandbox) == set()


def test_deleting_by_tag_takes_the_image_with_its_last_tag(sandbox: Sandbox) -> None:
    """The first of two tags goes alone."""
    digest = sandbox.push(REPOSITORY, tags=["a", "b"])
    assert delete(sandbox, {"imageTag": "a"}) == []
    assert digests(sandbox) == {digest}
    assert delete(sandbox, {"imageTag": "b"}) == []
    assert digests(sandbox) == set()


@pytest.mark.parametrize(("meaning", "left"), [("tag", 1), ("image", 0)])
def test_a_pair_has_either_meaning(sandbox: Sandbox, meaning: Any, left: int) -> None:
    """AWS does not say whether (digest, tag) removes the tag or the image."""
    sandbox.pair_deletes = meaning
    digest = sandbox.push(REPOSITORY, tags=["a", "b"])
    assert delete(sandbox, {"imageDigest": digest, "imageTag": "a"}) == []
    assert len(sandbox.images(REPOSITORY)) == left


@pytest.mark.parametrize("meaning", ["tag", "image"])
def test_a_pair_whose_tag_moved_fails(sandbox: Sandbox, meaning: Any) -> None:
    """Under both meanings nothing is removed."""
    sandbox.pair_deletes = meaning
    old = sandbox.push(REPOSITORY, tags=["live", "v1"])
    new = sandbox.push(REPOSITORY, tags=["live"])
    assert delete(sandbox, {"imageDigest": old, "imageTag": "live"}) == ["ImageTagDoesNotMatchDigest"]
    assert digests(sandbox) == {old, new}


def test_all_pairs_of_an_image_remove_it(sandbox: Sandbox) -> None:
    """With the meaning `tag`, the last pair takes the image; with `image`, the first does and the second finds none."""
    for meaning, codes in (("tag", []), ("image", ["ImageNotFound"])):
        sandbox.pair_deletes = meaning  # type: ignore[assignment]
        digest = sandbox.push(REPOSITORY, tags=["a", "b"])
        pairs = [{"imageDigest": digest, "imageTag": tag} for tag in ("a", "b")]
        assert delete(sandbox, *pairs) == codes
        assert digests(sandbox) == set()


def test_a_child_outlives_its_index(sandbox: Sandbox) -> None:
    """ImageReferencedByManifestList as long as the index is there, in the same call too."""
    index = sandbox.push(REPOSITORY, id="app", kind="index", platforms=["linux/amd64"])
    child = sandbox.digest("app/linux/amd64")
    refused = ["ImageReferencedByManifestList"]
    assert delete(sandbox, {"imageDigest": child}) == refused
    assert delete(sandbox, {"imageDigest": index}, {"imageDigest": child}) == refused
    assert delete(sandbox, {"imageDigest": child}) == []


def test_referrers_outlive_their_subject(sandbox: Sandbox) -> None:
    """BatchDeleteImage removes what it is told, nothing beside."""
    subject = sandbox.push(REPOSITORY, id="app", tags=["v1"])
    signature = sandbox.push(REPOSITORY, kind="signature", subject="app")
    cosign = sandbox.push(REPOSITORY, kind="cosign", subject="app")
    assert delete(sandbox, {"imageDigest": subject}) == []
    assert digests(sandbox) == {signature, cosign}
    shown = {item["imageDigest"]: item for item in describe(sandbox)["imageDetails"]}
    assert shown[signature]["subjectManifestDigest"] == subject
    assert shown[cosign]["imageTags"] == [f"{subject.replace(':', '-')}.sig"]


def test_ids_that_mean_nothing_are_failures(sandbox: Sandbox) -> None:
    """Each with its own code, inside a 200."""
    codes = delete(
        sandbox,
        {},
        {"imageDigest": "sha256:short"},
        {"imageTag": "not a tag"},
        {"imageTag": "none"},
        {"imageDigest": f"sha256:{'0' * 64}"},
    )
    assert codes == ["MissingDigestAndTag", "InvalidImageDigest", "InvalidImageTag", "ImageNotFound", "ImageNotFound"]


def test_more_than_100_ids_are_refused(sandbox: Sandbox) -> None:
    """The whole call fails, and nothing is removed."""
    sandbox.push(REPOSITORY, tags=["v0"])
    with pytest.raises(ClientError) as error:
        delete(sandbox, *({"imageTag": f"v{number}"} for number in range(101)))
    assert code(error) == "InvalidParameterException"
    assert len(sandbox.images(REPOSITORY)) == 1


def test_put_image_keeps_to_immutable_tags(sandbox: Sandbox) -> None:
    """A tag that is taken is refused, and so is an index whose children are not there."""
    sandbox.repository("fixed", mutability="IMMUTABLE")
    sandbox.push("fixed", tags=["v1"])
    client = sandbox.client("ecr")
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    with pytest.raises(ClientError) as error:
        client.put_image(repositoryName="fixed", imageManifest=json.dumps(manifest), imageTag="v1")
    assert code(error) == "ImageTagAlreadyExistsException"
    client.put_image(repositoryName="fixed", imageManifest=json.dumps(manifest), imageTag="v2")
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"digest": f"sha256:{'0' * 64}"}],
    }
    with pytest.raises(ClientError) as error:
        client.put_image(repositoryName="fixed", imageManifest=json.dumps(index))
    assert code(error) == "ReferencedImagesNotFoundException"


def test_repositories_come_in_pages(sandbox: Sandbox) -> None:
    """100 by default; names exclude paging; a missing name is an error."""
    for number in range(100):
        sandbox.repository(f"many/{number}")
    client = sandbox.client("ecr")
    first = client.describe_repositories()
    assert len(first["repositories"]) == 100
    assert len(client.describe_repositories(nextToken=first["nextToken"])["repositories"]) == 1
    for wrong, expected in (
        ({"repositoryNames": ["many/1"], "maxResults": 1}, "InvalidParameterException"),
        ({"repositoryNames": ["none"]}, "RepositoryNotFoundException"),
    ):
        with pytest.raises(ClientError) as error:
            client.describe_repositories(**wrong)
        assert code(error) == expected


def test_a_repository_with_images_goes_only_by_force(sandbox: Sandbox) -> None:
    """And takes its images along."""
    sandbox.push(REPOSITORY)
    client = sandbox.client("ecr")
    with pytest.raises(ClientError) as error:
        client.delete_repository(repositoryName=REPOSITORY)
    assert code(error) == "RepositoryNotEmptyException"
    client.delete_repository(repositoryName=REPOSITORY, force=True)
    client.create_repository(repositoryName=REPOSITORY)
    assert describe(sandbox)["imageDetails"] == []


def test_images_of_a_missing_repository(sandbox: Sandbox) -> None:
    """RepositoryNotFoundException, also for another registry's id."""
    client = sandbox.client("ecr")
    for wrong in ({"repositoryName": "none"}, {"repositoryName": REPOSITORY, "registryId": "210987654321"}):
        with pytest.raises(ClientError) as error:
            client.describe_images(**wrong)
        assert code(error) == "RepositoryNotFoundException"


def test_the_registry_tells_delete_replication(sandbox: Sandbox) -> None:
    """The member that botocore knows since 1.44.4 comes through; so do the pull-through cache rules."""
    rule = {
        "destinations": [{"region": "eu-central-1", "registryId": "123456789012"}],
        "repositoryFilters": [{"filter": "global/", "filterType": "PREFIX_MATCH"}],
        "deleteReplication": {"enabled": True},
    }
    cache = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}
    sandbox.seed({"replication": [rule], "pull_through_cache": [cache]})
    client = sandbox.client("ecr")
    assert client.describe_registry()["replicationConfiguration"]["rules"] == [rule]
    (shown,) = client.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert shown["ecrRepositoryPrefix"] == "hub"


def test_regions_are_apart(sandbox: Sandbox) -> None:
    """A request goes to the region it is signed for."""
    sandbox.repository(REPOSITORY, region="eu-central-1")
    sandbox.push(REPOSITORY, region="eu-central-1", tags=["v1"])
    assert describe(sandbox)["imageDetails"] == []
    (item,) = sandbox.client("ecr", "eu-central-1").describe_images(repositoryName=REPOSITORY)["imageDetails"]
    assert item["imageTags"] == ["v1"]


def update(sandbox: Sandbox, digest: str, target: str) -> str:
    """Move an image between storage classes; its status then."""
    answer = sandbox.client("ecr").update_image_storage_class(
        repositoryName=REPOSITORY, imageId={"imageDigest": digest}, targetStorageClass=target
    )
    return str(answer["imageStatus"])


def test_an_image_goes_into_the_archive_and_comes_back(sandbox: Sandbox) -> None:
    """Back it takes its time, and counts as restored; what changes nothing is an error."""
    digest = sandbox.push(REPOSITORY, tags=["v1"], pushed="400d")
    with pytest.raises(ClientError) as error:
        update(sandbox, digest, "STANDARD")
    assert code(error) == "ImageStorageClassUpdateNotSupportedException"
    assert update(sandbox, digest, "ARCHIVE") == "ARCHIVED"
    assert update(sandbox, digest, "STANDARD") == "ACTIVATING"
    assert describe(sandbox)["imageDetails"] == []
    (item,) = describe(sandbox)["imageDetails"]
    assert item["imageTags"] == ["v1"]
    assert "lastActivatedAt" in item
    with pytest.raises(ClientError) as error:
        update(sandbox, "sha256:" + "0" * 64, "ARCHIVE")
    assert code(error) == "ImageNotFoundException"


def test_what_an_active_index_lists_is_not_archived(sandbox: Sandbox) -> None:
    """The index goes first."""
    index = sandbox.push(REPOSITORY, kind="index", platforms=["linux/amd64"])
    (child,) = next(image for image in sandbox.images(REPOSITORY) if image.digest == index).children
    with pytest.raises(ClientError) as error:
        update(sandbox, child, "ARCHIVE")
    assert code(error) == "ImageStorageClassUpdateNotSupportedException"
    assert [update(sandbox, digest, "ARCHIVE") for digest in (index, child)] == ["ARCHIVED", "ARCHIVED"]


def test_lost_layers_are_missing(sandbox: Sandbox) -> None:
    """A manifest that needs them is refused, and the check names them; pushing an archived image activates it."""
    digest = sandbox.push(REPOSITORY, tags=["v1"])
    (image,) = sandbox.images(REPOSITORY)
    config, layer = image.manifest.layers
    client = sandbox.client("ecr")
    put = {"repositoryName": REPOSITORY, "imageManifest": image.manifest.body.decode(), "imageTag": "v1"}
    update(sandbox, digest, "ARCHIVE")
    client.put_image(**put)
    assert image.status == "ACTIVE"
    sandbox.ecr.lost_layers.add(layer)
    client.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])
    with pytest.raises(ClientError) as error:
        client.put_image(**put)
    assert code(error) == "LayersNotFoundException"
    answer = client.batch_check_layer_availability(repositoryName=REPOSITORY, layerDigests=[config, layer])
    assert [one["layerAvailability"] for one in answer["layers"]] == ["AVAILABLE", "UNAVAILABLE"]


def test_the_index_of_tags_has_what_is_tagged_in_pages(sandbox: Sandbox) -> None:
    """A hundred a page; what never had a tag is not in it, and the last page has an empty token."""
    for number in range(119):  # and the one that all tests have
        sandbox.repository(f"r{number:03}", tags={"team": str(number)})
    sandbox.repository("bare")
    client = sandbox.client("resourcegroupstaggingapi")
    asked = {"ResourceTypeFilters": ["ecr:repository"], "ResourcesPerPage": 100}
    first = client.get_resources(**asked)
    second = client.get_resources(**asked, PaginationToken=first["PaginationToken"])
    assert [len(page["ResourceTagMappingList"]) for page in (first, second)] == [100, 20]
    assert second["PaginationToken"] == ""
    assert second["ResourceTagMappingList"][-1] == {
        "ResourceARN": f"arn:aws:ecr:us-east-1:123456789012:repository/{REPOSITORY}",
        "Tags": [{"Key": "BoxCleanerEnabled", "Value": "true"}],
    }
